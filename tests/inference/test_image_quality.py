from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from breastseg.inference.image_quality import has_colour_overlay, is_blank


@given(image=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_a_pixel_is_coloured_where_its_channels_are_far_apart(image: np.ndarray) -> None:
    coloured_share = (np.ptp(image.astype(int), axis=2) > 16).mean()
    assert has_colour_overlay(image) == (0 < coloured_share < 0.5)


@given(image=arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4))))
def test_an_image_is_blank_where_there_is_one_level(image: np.ndarray) -> None:
    assert is_blank(image) == (len(np.unique(image)) == 1)
