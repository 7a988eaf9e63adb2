from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from breastseg.monitoring.run_length import decode_runs, encode_runs


@given(mask=arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_a_mask_comes_back_from_its_runs(mask: np.ndarray) -> None:
    runs = encode_runs(mask)
    assert (decode_runs(runs, mask.shape) == mask).all()
    assert all(length > 0 for length in runs[1:])


def test_runs_go_row_by_row_and_begin_with_background() -> None:
    assert encode_runs(np.array([[0, 1, 1], [1, 0, 0]], np.bool_)) == [1, 3, 2]
    assert encode_runs(np.array([[1, 0]], np.bool_)) == [0, 1, 1]


def test_runs_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="the runs have 6 pixels, not 2 x 2"):
        decode_runs([1, 3, 2], (2, 2))
