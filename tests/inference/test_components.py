from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from breastseg.inference.components import label_components

LAST_PIXEL = np.zeros((18, 7), dtype=np.bool_)
LAST_PIXEL[-1, -1] = True


@given(arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 30))))
@example(LAST_PIXEL)
def test_labels_are_those_of_scipy(mask: np.ndarray) -> None:
    for view in (mask, np.asfortranarray(mask), mask[:, ::-1]):
        expected, count = ndimage.label(view, np.ones((3, 3)))
        labels = label_components(view)
        assert ((labels > 0) == view).all()
        assert labels.max() == count
        assert len(set(zip(labels[view], expected[view], strict=True))) == count


def test_components_count_in_the_order_of_their_first_pixels() -> None:
    mask = np.array([[0, 0, 1], [1, 0, 0], [0, 0, 1]], dtype=np.bool_)
    assert label_components(mask).tolist() == [[0, 0, 1], [2, 0, 0], [0, 0, 3]]
