from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from breastseg.evaluation.lesion_level import LesionCounts, component_iou, count_hits, count_lesions

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Mask


def boxes(*spans: tuple[int, int, int, int]) -> Mask:
    """Rectangles (top, left, height, width) in an image of 40 x 60 px."""
    mask = np.zeros((40, 60), np.bool_)
    for top, left, height, width in spans:
        mask[top : top + height, left : left + width] = True
    return mask


def blobs(seed: int) -> Mask:
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(32, 32)), 1.5) > 0.15


def test_the_worked_example_of_the_docs() -> None:
    truth = boxes((5, 5, 10, 10), (25, 5, 10, 10))
    predicted = boxes((5, 9, 10, 10), (25, 40, 5, 5))
    assert component_iou(truth, predicted).tolist() == [[60 / 140, 0], [0, 0]]
    assert count_lesions(truth, predicted) == LesionCounts(2, 2, hits_iou10=1, hits_iou50=0)


def test_two_predictions_on_one_lesion_are_one_hit() -> None:
    truth = boxes((5, 5, 10, 30))
    assert count_lesions(truth, boxes((5, 5, 10, 14), (5, 21, 10, 14))) == LesionCounts(1, 2, 1, 0)


def test_one_prediction_over_two_lesions_is_one_hit() -> None:
    truth = boxes((5, 5, 10, 14), (5, 21, 10, 14))
    assert count_lesions(truth, boxes((5, 5, 10, 30))) == LesionCounts(2, 1, 1, 0)


def test_an_iou_of_exactly_the_threshold_is_a_hit() -> None:
    assert count_lesions(boxes((0, 0, 10, 10)), boxes((0, 0, 10, 5))).hits_iou50 == 1
    assert count_lesions(boxes((0, 0, 10, 10)), boxes((0, 0, 10, 1))).hits_iou10 == 1


def test_as_many_lesions_as_possible_are_hit() -> None:
    # the best pair of all, 0.9, would leave both others alone
    assert count_hits(np.array([[0.9, 0.2], [0.3, 0.0]]), 0.1) == 2


def test_pixels_that_touch_at_a_corner_are_one_lesion() -> None:
    diagonal = np.eye(6, dtype=np.bool_)
    assert count_lesions(diagonal, diagonal) == LesionCounts(1, 1, 1, 1)


def test_empty_masks_have_no_lesions() -> None:
    empty, one = boxes(), boxes((5, 5, 10, 10))
    assert count_lesions(empty, empty) == LesionCounts(0, 0, 0, 0)
    assert count_lesions(one, empty) == LesionCounts(1, 0, 0, 0)
    assert count_lesions(empty, one) == LesionCounts(0, 1, 0, 0)


@given(st.integers(0, 2**32 - 2))
def test_hits_are_a_largest_matching(seed: int) -> None:
    truth, predicted = blobs(seed), blobs(seed + 1) | blobs(seed) & (np.arange(32) % 9 > 3)
    counts, iou = count_lesions(truth, predicted), component_iou(truth, predicted)
    assert iou.shape == tuple(ndimage.label(mask, np.ones((3, 3)))[1] for mask in (truth, predicted))
    for threshold, hits in ((0.1, counts.hits_iou10), (0.5, counts.hits_iou50)):
        matching = maximum_bipartite_matching(csr_array(iou >= threshold))
        assert hits == (matching >= 0).sum()


@given(st.integers(0, 2**32 - 1))
def test_the_iou_of_single_lesions_is_that_of_the_masks(seed: int) -> None:
    top, left, height, width = np.random.default_rng(seed).integers(1, 12, 4).tolist()
    truth, predicted = boxes((6, 6, 9, 9)), boxes((top, left, height, width))
    expected = (truth & predicted).sum() / (truth | predicted).sum()
    assert component_iou(truth, predicted) == pytest.approx(np.array([[expected]]))
