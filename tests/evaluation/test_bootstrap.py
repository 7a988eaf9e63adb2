from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap, gamma, t

from breastseg.evaluation import bootstrap as module
from breastseg.evaluation.bootstrap import Range, draw_weights, estimate, seed_reach, unanimous_interval
from breastseg.evaluation.estimators import ratio

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Floats


UNIT = Range(0, 1)


def mean_interval(values: Floats, groups: list[str], resamples: int, seed: int, range_: Range | None = None) -> Floats:
    """Lower and upper ends of the columns' means, `[2, columns]`; without a range those of the draws alone."""
    estimator, ranges = ratio(values, np.ones_like(values)), [range_ or UNIT] * values.shape[1]
    with pytest.MonkeyPatch.context() as patch:
        if range_ is None:
            patch.setattr(module, "_UNSEEN", 1e-12)
        found = estimate(estimator, ranges, groups, resamples, seed)
    assert found.value == pytest.approx(values.mean(axis=0))
    return np.stack([found.low, found.high])


def test_with_one_case_a_group_it_is_scipys_percentile_interval() -> None:
    values = np.random.default_rng(0).beta(5, 2, (60, 2))
    low, high = mean_interval(values, [str(i) for i in range(60)], 20_000, seed=1)
    rng = np.random.default_rng(2)
    expected = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=rng).confidence_interval
    assert low == pytest.approx(expected.low, abs=2e-3)
    assert high == pytest.approx(expected.high, abs=2e-3)


def test_what_the_groups_do_not_show_widens_towards_the_ends_of_the_range() -> None:
    values = np.full((20, 1), 0.8)
    low, high = mean_interval(values, [str(i) for i in range(20)], 20_000, seed=0, range_=Range(0, 1))
    half = gamma(0.5).ppf(0.975)
    assert low[0] == pytest.approx(20 * 0.8 / (20 + half), abs=3e-3)
    assert high[0] == pytest.approx((20 * 0.8 + half) / (20 + half), abs=1e-3)
    many = mean_interval(np.full((2000, 1), 0.8), [str(i) for i in range(2000)], 1000, seed=0, range_=Range(0, 1))
    assert many == pytest.approx(np.full((2, 1), 0.8), abs=2e-3)


def test_the_range_may_end_where_groups_are_at_three_times_their_greatest_value() -> None:
    values = np.array([[0.02], [-0.01]] * 10)
    groups = [str(i) for i in range(20)]
    seen = mean_interval(values, groups, 4000, seed=0, range_=Range(-1, 1, seen=True))
    assert seen == pytest.approx(mean_interval(values, groups, 4000, seed=0, range_=Range(-0.06, 0.06)))
    beyond = mean_interval(values, groups, 4000, seed=0, range_=Range(-0.05, 0.05, seen=True))
    assert beyond == pytest.approx(mean_interval(values, groups, 4000, seed=0, range_=Range(-0.05, 0.05)))


@pytest.mark.parametrize("failure", [0.0, 0.85])
def test_intervals_of_twenty_groups_cover_rare_failures(failure: float) -> None:
    # one image in eight differs: in seven samples of a hundred, no image shows it
    population = np.where(np.arange(400) % 8 == 0, failure, 0.85 - failure)[:, None]
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        sample = population[rng.integers(0, 400, 20)]
        low, high = mean_interval(sample, [str(i) for i in range(20)], 200, seed=0, range_=Range(0, 1))
        covered += bool(low[0] <= population.mean() <= high[0])
    assert covered / 300 > 0.93


def test_the_spread_of_trainings_widens_an_interval() -> None:
    assert seed_reach(0.05, [0.8, 0.8, 0.8]) == pytest.approx(0.05)
    reach = t.ppf(0.975, 2) * np.std([0.79, 0.8, 0.81], ddof=1) / np.sqrt(3)
    assert seed_reach(0.05, [0.79, 0.8, 0.81]) == pytest.approx(np.hypot(0.05, reach))
    assert seed_reach(0.0, [0.79, 0.8, 0.81]) == pytest.approx(reach)


def test_where_no_group_differs_one_may_by_the_whole_range() -> None:
    groups = [str(i) for i in range(20)]
    equal = mean_interval(np.zeros((20, 1)), groups, 4000, seed=0, range_=Range(-1, 1, seen=True))
    assert equal == pytest.approx(mean_interval(np.zeros((20, 1)), groups, 4000, seed=0, range_=Range(-1, 1)))
    assert equal[0] < 0 < equal[1]


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
    found = estimate(ratio(told_by_one, told_by_one), [UNIT] * 2, ["a", "b", "c"], 200, seed=0)
    assert (found.value[0], found.high[0]) == (1, 1)
    assert 0 < found.low[0] < 1
    assert np.isnan([found.value[1], found.low[1], found.high[1]]).all()
