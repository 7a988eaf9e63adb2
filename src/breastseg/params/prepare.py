"""The section `prepare`: what happens to faulty cases, and what counts as a near-duplicate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from breastseg.params.base import Section


class Prepare(Section):
    """Knobs of the prepared table.

    Attributes:
        on_error: `fail` ends with one error that lists every problem; `drop` leaves those cases out and lists them.
        duplicate_max_bits: Two images whose 64-bit perceptual hashes differ in at most so many bits are one group;
            0 groups equal hashes only.
    """

    on_error: Literal["fail", "drop"]
    duplicate_max_bits: int = Field(ge=0, le=12)
