"""What a model's file knows about the images that it was made for: distributions and summaries, no pixel, no identity.

The parts are plain data inside the contract; `export.reference` makes them, `novelty` and `expected_dice` read them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

# far beyond any feature and its variance, and far from where their squares and ratios are no numbers any more
_MOST, _LEAST = 1e12, 1e-12
# shares are rounded to six digits
_ROUNDED = 1e-3
Share = Annotated[float, Field(ge=0, le=1)]
Value = Annotated[float, Field(ge=-_MOST, le=_MOST)]
Positive = Annotated[float, Field(ge=_LEAST, le=_MOST)]
Count = Annotated[int, Field(ge=1, le=10**12)]
Floats = tuple[Value, ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Distribution(_Part):
    """The distribution of one feature over the reference images.

    Attributes:
        edges: Inner edges of the bins, rising; a bin holds values from its lower edge (included) to its upper one.
        shares: Share of the images in each bin, one more than `edges`.
        n: Number of images in which the feature is defined.
    """

    edges: Floats
    shares: tuple[Share, ...]
    n: Count

    @model_validator(mode="after")
    def _require_bins(self) -> Self:
        if abs(sum(self.shares) - 1) > _ROUNDED:
            raise ValueError("shares have to be 1 together")
        if len(self.shares) != len(self.edges) + 1 or any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError("edges have to rise, and there has to be one share more than edges")
        return self


class Subspace(_Part):
    """Where reference images lie among vectors of one kind: an ellipsoid in a few directions, a ball in all others.

    Attributes:
        centre: Mean of each value.
        scale: Standard deviation of each value.
        directions: Orthonormal rows over the scaled values.
        variances: Of the reference images in each direction.
        rest_variance: Mean variance in all other directions.
        typical: Squared distance that nine in ten reference images lie within, each held against a subspace that was
            not fitted to it; in earlier files the median.
    """

    centre: Floats
    scale: tuple[Positive, ...]
    directions: tuple[Floats, ...]
    variances: tuple[Positive, ...]
    rest_variance: Positive
    typical: Positive

    @model_validator(mode="after")
    def _require_shapes(self) -> Self:
        size = len(self.centre)
        if len(self.scale) != size or any(len(row) != size for row in self.directions):
            raise ValueError(f"scale and directions have to be as long as centre, {size}")
        if len(self.variances) != len(self.directions):
            raise ValueError("there has to be one variance a direction")
        return self


class Novelty(_Part):
    """How far an image is from the reference images, see `novelty.Detector`.

    Attributes:
        features: Names of the image features that are looked at, in the order of `image`.
        image: Where these features of reference images lie.
        embedding: Where the network's embeddings of reference images lie.
        threshold: Scores above it are out of distribution.
        false_alarm_share: Share of unseen reference images that are above it.
    """

    features: tuple[str, ...]
    image: Subspace
    embedding: Subspace
    threshold: Positive
    false_alarm_share: Share

    @model_validator(mode="after")
    def _require_names(self) -> Self:
        if len(self.features) != len(self.image.centre):
            raise ValueError("features have to be as many as the values of image")
        return self


class ExpectedDice(_Part):
    """A line from features of an answer to the Dice that they foretell, see `expected_dice.foretell`.

    Attributes:
        features: Names of the features.
        fill: What stands for each where it is not defined.
        weights: One a feature.
        intercept: The Dice where all features are 0.
        rank_correlation: Spearman's, of foretold and real Dice of reference images that the line was not fitted to.
        n: Number of reference images with a lesion that was not missed.
    """

    features: tuple[str, ...]
    fill: Floats
    weights: Floats
    intercept: Value
    rank_correlation: float = Field(ge=-1, le=1)
    n: Count

    @model_validator(mode="after")
    def _require_as_many(self) -> Self:
        if {len(self.fill), len(self.weights)} != {len(self.features)}:
            raise ValueError("there have to be one fill and one weight a feature")
        return self


class Profile(_Part):
    """The reference profile.

    Attributes:
        images: Number of reference images.
        distributions: By name of the feature.
        novelty: Tells images that are out of distribution.
        expected_dice: Foretells the Dice of an answer.
        flip_share: Share of the images whose mirror image is looked at as well.
        design_effect: So many images tell as much as one that is alone: those of a patient, or near-duplicates, are
            alike (Kish 1965, "Survey sampling"). The reference's mean group size, as an image sees it.
    """

    images: Count
    distributions: dict[str, Distribution]
    novelty: Novelty
    expected_dice: ExpectedDice
    flip_share: Share = 0.0
    design_effect: float = Field(default=1.0, ge=1, le=_MOST)
