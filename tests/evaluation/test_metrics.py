from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breastseg.evaluation.metrics import score


def square(shape: tuple[int, int], rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(shape, np.bool_)
    mask[rows, columns] = True
    return mask


def test_the_worked_example_of_the_docs() -> None:
    truth = square((40, 60), slice(10, 20), slice(10, 20))
    predicted = square((40, 60), slice(10, 20), slice(14, 24))
    scores = score(truth, predicted)
    assert scores.dice == pytest.approx(0.6)
    assert scores.iou == pytest.approx(60 / 140)
    assert scores.nsd4 == 1
    assert scores.hd95_px == 4
    assert scores.nsd1 == pytest.approx(0.4485, abs=1e-4)
    assert scores.nsd2 == pytest.approx(0.5515, abs=1e-4)
    assert (scores.truth_px, scores.predicted_px, scores.missed) == (100, 100, False)
    assert scores.false_positive is scores.false_positive_share is None
    assert (scores.lesions, scores.predicted_lesions, scores.hits_iou10, scores.hits_iou50) == (1, 1, 1, 0)


def test_a_lesion_that_is_cut_in_two_by_pixels_not_judged_counts_twice() -> None:
    truth, strip = square((20, 30), slice(5, 15), slice(5, 25)), square((20, 30), slice(0, 20), slice(12, 16))
    predicted = square((20, 30), slice(5, 15), slice(4, 12))
    scores = score(truth, predicted, ~strip)
    assert (scores.lesions, scores.predicted_lesions, scores.hits_iou10, scores.hits_iou50) == (2, 1, 1, 1)


def test_a_perfect_prediction() -> None:
    truth = square((30, 30), slice(4, 9), slice(4, 20))
    scores = score(truth, truth)
    assert [scores.dice, scores.iou, scores.nsd1, scores.nsd2, scores.nsd4] == [1] * 5
    assert scores.hd95_px == 0


def test_a_missed_lesion_scores_nothing_and_the_diagonal() -> None:
    truth = square((30, 40), slice(4, 9), slice(4, 20))
    scores = score(truth, np.zeros_like(truth))
    assert [scores.dice, scores.iou, scores.nsd1, scores.nsd2, scores.nsd4] == [0] * 5
    assert scores.hd95_px == 50
    assert scores.missed is True


def test_a_prediction_beside_the_lesion_is_no_miss() -> None:
    truth = square((30, 40), slice(0, 3), slice(0, 3))
    scores = score(truth, square((30, 40), slice(20, 23), slice(0, 3)))
    assert (scores.dice, scores.missed) == (0, False)
    assert scores.hd95_px == 20


def test_normals_have_no_dice() -> None:
    empty = np.zeros((20, 10), np.bool_)
    clean, painted = score(empty, empty), score(empty, square((20, 10), slice(0, 5), slice(0, 4)))
    assert clean.dice is painted.dice is clean.hd95_px is painted.missed is None
    assert (clean.false_positive, clean.false_positive_share) == (False, 0)
    assert (painted.false_positive, painted.false_positive_share) == (True, 0.1)


@given(st.integers(0, 2**32 - 1))
def test_ignored_pixels_have_no_influence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted, judged, other_truth, other_predicted = rng.random((5, 14, 14)) < 0.5
    expected = score(truth, predicted, judged)
    assert score(np.where(judged, truth, other_truth), np.where(judged, predicted, other_predicted), judged) == expected
    assert expected == score(truth & judged, predicted & judged)


def test_ignored_pixels_are_no_part_of_the_area_of_a_normal() -> None:
    empty = np.zeros((10, 10), np.bool_)
    scores = score(empty, square((10, 10), slice(0, 5), slice(0, 10)), square((10, 10), slice(0, 10), slice(0, 5)))
    assert scores.false_positive_share == 0.5


def test_a_lesion_that_is_ignored_altogether_leaves_a_normal() -> None:
    truth = square((10, 10), slice(0, 5), slice(0, 10))
    assert score(truth, truth, ~truth) == replace(score(truth ^ truth, truth ^ truth), false_positive_share=0)


@given(st.integers(0, 2**32 - 1))
def test_truth_and_prediction_may_change_places(seed: int) -> None:
    truth, predicted = np.random.default_rng(seed).random((2, 9, 9)) < 0.4
    truth[0, 0] = predicted[8, 8] = True
    one, other = score(truth, predicted), score(predicted, truth)
    assert (one.dice, one.iou) == (other.dice, other.iou)
    assert (one.nsd2, one.hd95_px) == pytest.approx((other.nsd2, other.hd95_px))


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        score(np.zeros((3, 4), np.bool_), np.zeros((4, 3), np.bool_))


def test_a_case_without_a_judged_pixel_is_no_clean_normal() -> None:
    nothing = np.zeros((3, 4), np.bool_)
    with pytest.raises(ValueError, match="no pixel is judged"):
        score(nothing, nothing, judged=nothing)
