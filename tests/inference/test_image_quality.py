from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from breastseg.inference.decode import decode_image
from breastseg.inference.image_quality import has_colour_overlay, image_flags, is_blank
from breastseg.monitoring.image_features import image_features
from tests.tiff_files import tiff

RNG = np.random.default_rng(0)
TISSUE = RNG.integers(20, 220, (200, 300), dtype=np.uint8)


@given(image=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_a_pixel_is_coloured_where_its_channels_are_far_apart(image: np.ndarray) -> None:
    coloured_share = (np.ptp(image.astype(int), axis=2) > 16).mean()
    assert has_colour_overlay(image) == (0 < coloured_share < 0.5)


@given(image=arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4))))
def test_an_image_is_blank_where_there_is_one_level(image: np.ndarray) -> None:
    assert is_blank(image) == (len(np.unique(image)) == 1)


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
    # percentiles that are computed here are those of the service
    assert image_flags(image) == flags


@pytest.mark.parametrize("bits", [8, 10, 12, 13])
@pytest.mark.parametrize("channels", [1, 3])
def test_data_of_fewer_bits_than_the_file_are_flagged(bits: int, channels: int) -> None:
    samples = RNG.integers(0, 2**bits, (120, 150, channels), dtype=np.uint16)
    image = decode_image(tiff(samples[..., 0] if channels == 1 else samples))
    assert "low_contrast" in image_flags(image)
