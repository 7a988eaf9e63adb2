from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from breastseg.evaluation.estimators import (
    calibration_error,
    joined,
    rank_correlation,
    ratio,
    risk_coverage_area,
    with_difference,
)

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Floats
    from breastseg.evaluation.bootstrap import Estimator

SEEDS = st.integers(0, 2**32 - 1)


def once(estimator: Estimator, cases: int) -> float:
    """The one figure, every case counted once."""
    return float(estimator(np.ones((1, cases)))[0, 0])


def drawn(seed: int, cases: int) -> tuple[Floats, list[int]]:
    """Weights `[1, cases]` of a draw with repeats, and the indices that it stands for."""
    weights = np.random.default_rng(seed).multinomial(cases, np.full(cases, 1 / cases))
    return weights[None].astype(np.float64), np.repeat(np.arange(cases), weights).tolist()


def test_a_ratio_is_of_sums_and_not_a_mean_of_ratios() -> None:
    hits, lesions = np.array([[1.0], [2.0], [0.0]]), np.array([[1.0], [4.0], [0.0]])
    estimator = ratio(hits, lesions)
    assert once(estimator, 3) == 3 / 5
    assert estimator(np.array([[2.0, 1.0, 5.0]])).tolist() == [[4 / 6]]
    assert np.isnan(estimator(np.array([[0.0, 0.0, 1.0]]))).all()


@given(SEEDS, st.integers(2, 30))
def test_the_rank_correlation_of_a_draw_is_scipys(seed: int, cases: int) -> None:
    first, second = np.random.default_rng(seed).integers(0, 12, (2, cases)) / 7  # with ties
    weights, indices = drawn(seed + 1, cases)
    found = rank_correlation(first, second)(weights)[0, 0]
    if len(set(first[indices])) == 1 or len(set(second[indices])) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(first[indices], second[indices]).statistic, abs=1e-9)


@given(SEEDS, st.integers(1, 25))
def test_the_area_is_the_mean_risk_over_all_numbers_of_kept_cases(seed: int, cases: int) -> None:
    losses, confidence = np.random.default_rng(seed).random((2, cases)).round(1)  # with ties
    weights, indices = drawn(seed + 1, cases)
    kept = sorted(indices, key=lambda i: (-confidence[i], i))
    risks = [np.mean([losses[i] for i in kept[:count]]) for count in range(1, cases + 1)]
    assert risk_coverage_area(losses, confidence)(weights)[0, 0] == pytest.approx(np.mean(risks), abs=1e-9)


def test_the_worked_example_of_the_docs() -> None:
    dice, expected = np.array([0.9, 0.5, 0.8]), np.array([0.95, 0.7, 0.6])
    assert once(risk_coverage_area(1 - dice, expected), 3) == pytest.approx((0.1 + 0.3 + 0.8 / 3) / 3)
    assert once(rank_correlation(expected, dice), 3) == pytest.approx(0.5)
    bins = np.zeros((1, 15, 3))
    bins[0, 4], bins[0, 13] = (60, 18, 21), (40, 36, 30)
    assert once(calibration_error(bins), 1) == pytest.approx(0.09)


def test_knowing_which_answers_are_good_lowers_the_area() -> None:
    losses = np.linspace(0, 1, 40)
    right, wrong = once(risk_coverage_area(losses, -losses), 40), once(risk_coverage_area(losses, losses), 40)
    assert right < losses.mean() < wrong


def test_differences_are_of_the_same_draw() -> None:
    weights, _ = drawn(0, 20)
    scores = np.random.default_rng(0).random((2, 20, 1))
    first, second = (ratio(values, np.ones((20, 1))) for values in scores)
    both = joined(first, second)(weights)[0]
    assert with_difference(first, second)(weights)[0] == pytest.approx([*both, both[1] - both[0]])
