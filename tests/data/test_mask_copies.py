"""An image in place of its mask is recognised, also where its grey levels alone would pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from breastseg.data.mask_copies import copies_image, repeats_texture
from tests.data.mask_files import compressed, disc, ultrasound

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.mark.parametrize("quality", [None, 75])
@pytest.mark.parametrize("radius", [12, 30])
@pytest.mark.parametrize(
    "curve",
    [
        lambda levels: levels * 1.5,
        lambda levels: levels * 0.6,
        lambda levels: levels + 60,
        lambda levels: 255 * (levels / 255) ** 0.5,
        lambda levels: 255 - levels,
    ],
    ids=["brighter", "darker", "raised", "gamma", "inverted"],
)
def test_cut_outs_with_another_tone_curve_repeat_the_texture(
    curve: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], radius: int, quality: int | None
) -> None:
    toned = curve(IMAGE.astype(np.float64)).clip(0, 255)
    mask = np.where(disc(radius), toned, 0).astype(np.uint8)
    mask = mask if quality is None else compressed(mask, quality)
    assert repeats_texture(mask, IMAGE)
    assert repeats_texture(np.stack([mask] * 3, axis=2), COLOUR)
    assert not repeats_texture(mask, ultrasound(seed=1))


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
    assert not repeats_texture(mask.astype(np.uint8), image.astype(np.uint8))


@given(
    radius=st.floats(8, 50),
    level=st.integers(32, 255),
    blur=st.floats(0, 4),
    quality=st.integers(20, 100),
    seed=st.integers(0, 9),
)
def test_lossy_masks_do_not_repeat_the_texture(radius: float, level: int, blur: float, quality: int, seed: int) -> None:
    smooth = gaussian_filter(disc(radius) * float(level), blur)
    assert not repeats_texture(compressed(smooth.astype(np.uint8), quality), ultrasound(seed))


def test_labels_that_fit_the_levels_of_a_flat_image_do_not_repeat_its_texture() -> None:
    labels = (LESION * 100 + disc(40) * 80).astype(np.uint8)
    assert not repeats_texture(labels, labels // 2 + 20)
