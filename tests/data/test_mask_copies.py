"""An image in place of its mask is recognised, also where its grey levels alone would pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.data.mask_copies import copies_image
from tests.data.mask_files import compressed, disc, ultrasound

if TYPE_CHECKING:
    import numpy.typing as npt

IMAGE = ultrasound()
LESION = disc()
COLOUR = np.stack([IMAGE] * 3, axis=2)


@pytest.mark.parametrize(
    "mask",
    [
        IMAGE,
        COLOUR,
        compressed(IMAGE, 75),
        np.where(LESION, 255, IMAGE),
        np.where(LESION[..., None], np.array([255, 0, 0], np.uint8), COLOUR),
        np.where(disc(12), IMAGE, 0),
        np.where(disc(4), IMAGE, 0),
        IMAGE // 8 * 8,
    ],
    ids=["image", "rgb", "jpeg", "white-paint", "red-paint", "cut-out", "small-cut-out", "few-levels"],
)
def test_copies(mask: npt.NDArray[np.uint8]) -> None:
    assert copies_image(mask.astype(np.uint8), IMAGE)
    assert copies_image(mask.astype(np.uint8), COLOUR)


def _bright(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    return np.where(mask, 255, IMAGE // 2).astype(np.uint8)


@pytest.mark.parametrize(
    ("mask", "image"),
    [
        (LESION * 255, IMAGE),
        (LESION * 255, _bright(LESION)),
        (LESION * 255, LESION * 255),
        (LESION * 1, IMAGE),
        (LESION * 1, np.where(LESION, 1, IMAGE)),
        (LESION * 100, np.where(LESION, IMAGE // 16 + 96, IMAGE)),
        (compressed((LESION * 100).astype(np.uint8)), np.where(LESION, IMAGE // 16 + 96, IMAGE)),
        (LESION * 0, IMAGE),
        (LESION * 0, IMAGE * 0),
    ],
    ids=["mask", "bright-lesion", "equal", "ones", "equal-ones", "similar", "similar-jpeg", "black", "all-black"],
)
def test_masks_that_happen_to_be_like_the_image_are_no_copies(
    mask: npt.NDArray[np.int64], image: npt.NDArray[np.int64]
) -> None:
    assert not copies_image(mask.astype(np.uint8), image.astype(np.uint8))
