"""Numbers and suggestions in sentences for people."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# below this similarity (difflib's own default) a suggestion puzzles more than it helps
_SIMILAR = 0.6
# a word of a name counts a little less than the whole: `case` is nearer to `cases` than to `case_id`
_WORD = 0.95


def counted(count: int, noun: str) -> str:
    """Write a number with its noun, which takes an s but for one: `1 image`, `0 images`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def uncounted_normals(count: int, where: str = "") -> str:
    """Write how many normals no figure counts, because they show the same as a lesion image.

    Args:
        count: At least 1.
        where: What to add in brackets, nothing if empty.
    """
    subject = f"{counted(count, 'normal')}{f' ({where})' if where else ''}"
    if count == 1:
        return f"{subject} is a near-duplicate of a lesion image and is not counted"
    return f"{subject} are near-duplicates of lesion images and are not counted"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was probably meant to be, or None where none is similar.

    Case does not count, and a word of the name may do: `patient_identifier` is near `patient`.
    """
    scores = {other: _similarity(name.casefold(), other.casefold()) for other in known}
    best = max(scores, key=scores.__getitem__, default=None)
    return best if best is not None and scores[best] >= _SIMILAR else None


def _similarity(name: str, known: str) -> float:
    words = [word for word in re.split(r"[\W_]+", name) if word]
    whole, *parts = (difflib.SequenceMatcher(None, text, known).ratio() for text in (name, *words))
    return max(whole, *(_WORD * part for part in parts), 0.0)
