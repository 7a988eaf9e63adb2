from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from breastseg.evaluation import bootstrap as module
from breastseg.evaluation.bootstrap import draw_weights, estimate, unanimous_interval
from breastseg.evaluation.estimators import ratio

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Floats


def mean_interval(values: Floats, groups: list[str], resamples: int, seed: int) -> Floats:
    """Lower and upper ends of the columns' means, `[2, columns]`."""
    found = estimate(ratio(values, np.ones_like(values)), groups, resamples, seed)
    assert found.value == pytest.approx(values.mean(axis=0))
    return np.stack([found.low, found.high])


def test_with_one_case_a_group_it_is_scipys_percentile_interval() -> None:
    values = np.random.default_rng(0).beta(5, 2, (60, 2))
    low, high = mean_interval(values, [str(i) for i in range(60)], 20_000, seed=1)
    rng = np.random.default_rng(2)
    expected = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=rng).confidence_interval
    assert low == pytest.approx(expected.low, abs=2e-3)
    assert high == pytest.approx(expected.high, abs=2e-3)


def test_groups_are_drawn_whole() -> None:
    groups = ["b", "a", "b", "c"]
    weights = np.concatenate(list(draw_weights(groups, 200, seed=0)))
    assert weights.shape == (200, 4)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()  # as many groups as there are


def test_images_of_one_patient_are_no_independent_observations() -> None:
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=(12, 1)), 10, axis=0)  # ten equal images of each of twelve patients
    patients = [str(i // 10) for i in range(120)]
    of_patients = np.diff(mean_interval(values, patients, 4000, seed=0), axis=0)
    of_images = np.diff(mean_interval(values, [str(i) for i in range(120)], 4000, seed=0), axis=0)
    assert of_patients == pytest.approx(of_images * np.sqrt(10), rel=0.1)


def test_means_are_over_cases_whatever_the_size_of_their_group() -> None:
    large = [f"large {i // 5}" for i in range(200)]
    small = [f"small {i}" for i in range(40)]
    values = np.array([[1.0]] * 200 + [[0.0]] * 40)
    low, high = mean_interval(values, large + small, 1000, seed=0)
    assert low[0] < values.mean() < high[0]
    assert low[0] > 0.6  # the mean of the groups' means is 0.5


def test_the_seed_alone_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(30, 3))
    groups = [str(i // 2) for i in range(30)]
    first = mean_interval(values, groups, 1000, seed=3)
    assert (first == mean_interval(values, groups, 1000, seed=3)).all()
    assert (first != mean_interval(values, groups, 1000, seed=4)).any()
    monkeypatch.setattr(module, "_BLOCK", 500)  # in many blocks: the same draws
    assert first == pytest.approx(mean_interval(values, groups, 1000, seed=3))


@pytest.mark.parametrize("groups", [1, 3, 12, 400])
def test_a_unanimous_share_has_the_exact_interval(groups: int) -> None:
    for share in (0, 1):
        exact = binomtest(share * groups, groups).proportion_ci(method="exact")
        assert unanimous_interval(share, groups) == pytest.approx((exact.low, exact.high))


def test_one_group_has_no_spread() -> None:
    low, high = mean_interval(np.array([[0.2], [0.6]]), ["a", "a"], 100, seed=0)
    assert low == high == pytest.approx(0.4)


def test_draws_that_do_not_tell_a_figure_have_no_part_in_it() -> None:
    told_by_one = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    found = estimate(ratio(told_by_one, told_by_one), ["a", "b", "c"], 200, seed=0)
    assert (found.value[0], found.low[0], found.high[0]) == (1, 1, 1)
    assert np.isnan([found.value[1], found.low[1], found.high[1]]).all()
