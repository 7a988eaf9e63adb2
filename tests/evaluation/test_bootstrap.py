from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from breastseg.evaluation import bootstrap as module
from breastseg.evaluation.bootstrap import confidence_intervals, group_sums


def test_with_one_case_a_group_it_is_scipys_percentile_interval() -> None:
    values = np.random.default_rng(0).beta(5, 2, (60, 2))
    low, high = confidence_intervals(values, [str(i) for i in range(60)], 20_000, seed=1)
    rng = np.random.default_rng(2)
    expected = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=rng).confidence_interval
    assert low == pytest.approx(expected.low, abs=2e-3)
    assert high == pytest.approx(expected.high, abs=2e-3)


def test_groups_are_drawn_whole() -> None:
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=(12, 1)), 10, axis=0)  # ten equal images of each of twelve patients
    patients = [str(i // 10) for i in range(120)]
    of_patients = np.subtract(*confidence_intervals(values, patients, 4000, seed=0)[::-1])
    of_images = np.subtract(*confidence_intervals(values, [str(i) for i in range(120)], 4000, seed=0)[::-1])
    assert of_patients == pytest.approx(of_images * np.sqrt(10), rel=0.1)


def test_means_are_over_cases_whatever_the_size_of_their_group() -> None:
    large = [f"large {i // 5}" for i in range(200)]
    small = [f"small {i}" for i in range(40)]
    values = np.array([[1.0]] * 200 + [[0.0]] * 40)
    low, high = confidence_intervals(values, large + small, 1000, seed=0)
    assert low[0] < values.mean() < high[0]
    assert low[0] > 0.6  # the mean of the groups' means is 0.5


def test_sums_and_sizes_of_groups() -> None:
    sums, counts = group_sums(np.array([[1.0], [2.0], [4.0]]), ["b", "a", "b"])
    assert sums.tolist() == [[2], [5]]
    assert counts.tolist() == [1, 2]


def test_the_seed_alone_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(30, 3))
    groups = [str(i // 2) for i in range(30)]
    first = np.array(confidence_intervals(values, groups, 1000, seed=3))
    assert (first == confidence_intervals(values, groups, 1000, seed=3)).all()
    assert (first != confidence_intervals(values, groups, 1000, seed=4)).any()
    monkeypatch.setattr(module, "_BLOCK", 500)  # in many blocks: the same draws
    assert first == pytest.approx(np.array(confidence_intervals(values, groups, 1000, seed=3)))


def test_one_group_has_no_spread() -> None:
    low, high = confidence_intervals(np.array([[0.2], [0.6]]), ["a", "a"], 100, seed=0)
    assert low == high == pytest.approx(0.4)
