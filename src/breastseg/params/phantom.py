"""The section `phantom`: how many images are simulated, and how hard they are."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from breastseg.params.base import Section
from breastseg.params.seed import Seed  # noqa: TC001 - pydantic reads it at run time

LEAST_SIDE_PX = 64


class Phantom(Section):
    """Knobs of the simulated B-mode images.

    Attributes:
        seed: Seed of the whole set; image i depends on (seed, i) and on size and shares, not on the number of images.
        images: How many images are simulated.
        height_px: Median height of the images in pixels.
        width_px: Median width of the images in pixels.
        size_spread: Sides are between these lengths divided and multiplied by so much, 1..4; 1 makes all images of one
            size.
        malignant_share: Share of images with a malignant lesion, 0..1.
        normal_share: Share of images without a lesion, 0..1; the rest are benign.
        two_lesions_share: Share of the lesion images that hold two lesions and two mask files, 0..1.
        distractor_share: Share of all images with something that merely looks like a lesion, 0..1.
    """

    seed: Seed
    images: int = Field(ge=10)
    height_px: int = Field(ge=LEAST_SIDE_PX, le=1024)
    width_px: int = Field(ge=LEAST_SIDE_PX, le=1024)
    size_spread: float = Field(ge=1, le=4)
    malignant_share: float = Field(ge=0, le=1)
    normal_share: float = Field(ge=0, le=1)
    two_lesions_share: float = Field(ge=0, le=1)
    distractor_share: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _sides_fit(self) -> Self:
        least = min(self.height_px, self.width_px) / self.size_spread
        if least < LEAST_SIDE_PX:
            raise ValueError(f"size_spread makes sides of {least:.0f} px, and at least {LEAST_SIDE_PX} are needed")
        return self

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.malignant_share + self.normal_share > 1:
            raise ValueError("malignant_share and normal_share are more than 1 together")
        return self
