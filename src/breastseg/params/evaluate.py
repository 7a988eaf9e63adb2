"""The section `evaluate`: how the operating point is chosen and how uncertain the scores are."""

from __future__ import annotations

from pydantic import Field

from breastseg.params.base import Section
from breastseg.params.seed import Seed  # noqa: TC001 - pydantic reads it at run time


class Evaluate(Section):
    """Knobs of the judgement.

    Attributes:
        max_normal_false_positive_rate: The operating point leaves at least 1 - this share of the validation normals
            without a lesion where any point does, 0..1.
        resamples: Bootstrap resamples over groups.
        seed: Seed of the bootstrap.
        overlays: Cases a row (best, median, worst) in the overlay galleries.
    """

    max_normal_false_positive_rate: float = Field(ge=0, le=1)
    resamples: int = Field(ge=100)
    seed: Seed
    overlays: int = Field(ge=1, le=8)
