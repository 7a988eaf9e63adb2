"""Each remark is made where it holds, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from breastseg.monitoring.image_features import image_features
from breastseg.serving.image_flags import image_flags

RNG = np.random.default_rng(0)
TISSUE = RNG.integers(20, 220, (200, 300), dtype=np.uint8)


def coloured(share: float) -> np.ndarray:
    image = np.repeat(TISSUE[..., None], 3, axis=2)
    image[: round(share * len(image)), :, 0] = 255
    image[: round(share * len(image)), :, 1] = 0
    return image


@pytest.mark.parametrize(
    ("image", "flags"),
    [
        (TISSUE, ()),
        (np.repeat(TISSUE[..., None], 3, axis=2), ()),
        (np.full((200, 200), 90, np.uint8), ("blank_image", "low_contrast")),
        (coloured(0.1), ("colour_overlay",)),
        (coloured(0.9), ()),
        (100 + TISSUE // 10, ("low_contrast",)),
        (TISSUE[:90], ("small_image",)),
        (np.maximum(TISSUE, 40) // 4 + 201, ("too_bright",)),
        (TISSUE // 20, ("low_contrast", "too_dark")),
    ],
    ids=["tissue", "grey rgb", "blank", "marks", "all colour", "flat", "small", "bright", "dark"],
)
def test_flags(image: np.ndarray, flags: tuple[str, ...]) -> None:
    image = image.astype(np.uint8)
    assert image_flags(image, image_features(image)) == flags
