"""The section `prepare`: what happens to faulty and contradicting cases, and what counts as a near-duplicate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from breastseg.params.base import Section


class Prepare(Section):
    """Knobs of the prepared table.

    Attributes:
        on_error: `fail` ends with one error that lists every problem; `drop` leaves those cases out and lists them.
        duplicate_similarity: Two images that are at least so alike are near-duplicates; those of different known
            patients take more than one pair. See `docs/data.md`.
        contradictions: Of near-duplicates at 0.9 with different labels, `keep` keeps all, together; `drop` leaves all
            of them out and lists them.
    """

    on_error: Literal["fail", "drop"]
    duplicate_similarity: float = Field(ge=0.6, le=1)
    contradictions: Literal["keep", "drop"]
