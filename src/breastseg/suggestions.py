"""Suggestions of the known name that an unknown one was probably meant to be."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Below these similarities a suggestion puzzles more than it helps: difflib's own default for names that begin alike,
# more for others, since `age` is within `image`.
_SIMILAR = 0.6
_SIMILAR_WITHIN = 0.8
# a word of a name counts a little less than the whole: `case` is nearer to `cases` than to `case_id`
_WORD = 0.95


def nearest(name: str, known: Iterable[str], *, by_word: bool = True) -> str | None:
    """Return the known name that `name` was probably meant to be, or None where none is similar. Case does not count.

    Args:
        name: The unknown name.
        known: What it is compared with.
        by_word: Whether one word of the name may be enough: `patient_identifier` is near `patient`.
    """
    scores = {other: _similarity(name.casefold(), other.casefold(), by_word=by_word) for other in known}
    best = max(scores, key=scores.__getitem__, default=None)
    return best if best is not None and scores[best] > 0 else None


def _similarity(name: str, known: str, *, by_word: bool) -> float:
    """Return 0 where nothing is similar enough."""
    words = [word for word in re.split(r"[\W_]+", name) if word and by_word]
    whole, *parts = (_ratio(text, known) for text in (name, *words))
    return max(whole, *(_WORD * part for part in parts), 0.0)


def _ratio(text: str, known: str) -> float:
    ratio = difflib.SequenceMatcher(None, text, known).ratio()
    return ratio if ratio >= (_SIMILAR if text[:1] == known[:1] else _SIMILAR_WITHIN) else 0.0
