from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from breastseg.colour import colour_share


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_a_pixel_is_coloured_where_its_channels_are_far_apart(image: np.ndarray) -> None:
    assert colour_share(image) == pytest.approx((np.ptp(image.astype(int), axis=2) > 16).mean())


def test_grey_has_no_colour() -> None:
    assert colour_share(np.arange(256, dtype=np.uint8).reshape(16, 16)) == 0
