"""The section `phantom`: how many images are simulated, and how hard they are."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from breastseg.params.base import Section
from breastseg.params.seed import Seed  # noqa: TC001 - pydantic reads it at run time


class Phantom(Section):
    """Knobs of the simulated B-mode images.

    Attributes:
        seed: Seed of the whole set; image i depends on (seed, i) and on size and shares, not on the number of images.
        images: How many images are simulated.
        height_px: Height of an image in pixels.
        width_px: Width of an image in pixels.
        malignant_share: Share of images with a malignant lesion, 0..1.
        normal_share: Share of images without a lesion, 0..1; the rest are benign.
        two_lesions_share: Share of the lesion images that hold two lesions and two mask files, 0..1.
        distractor_share: Share of all images with something that merely looks like a lesion, 0..1.
    """

    seed: Seed
    images: int = Field(ge=10)
    height_px: int = Field(ge=64, le=1024)
    width_px: int = Field(ge=64, le=1024)
    malignant_share: float = Field(ge=0, le=1)
    normal_share: float = Field(ge=0, le=1)
    two_lesions_share: float = Field(ge=0, le=1)
    distractor_share: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.malignant_share + self.normal_share > 1:
            raise ValueError("malignant_share and normal_share are more than 1 together")
        return self
