"""Each remark is made where it holds, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from breastseg.inference.image_quality import _percentiles, has_colour_overlay, image_flags

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
    assert image_flags(image.astype(np.uint8)) == flags


GREY_OR_RGB = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)), st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))
)


@given(image=arrays(np.uint8, GREY_OR_RGB), share=st.floats(0, 100))
def test_percentiles_are_numpys(image: np.ndarray, share: float) -> None:
    assert _percentiles(image, (share, 50)) == pytest.approx(list(np.percentile(image, (share, 50))), abs=1e-9)


@given(image=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_a_pixel_is_coloured_where_its_channels_are_far_apart(image: np.ndarray) -> None:
    coloured_share = (np.ptp(image.astype(int), axis=2) > 16).mean()
    assert has_colour_overlay(image) == (0 < coloured_share < 0.5)
