"""The short statistics of the service against scipy's and statsmodels'."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import false_discovery_control, ks_2samp, kstwobign

from breastseg.monitoring.drift import (
    Ones,
    benjamini_hochberg,
    bin_of,
    control_limits,
    fisher_exact,
    kolmogorov_smirnov,
    kolmogorov_tail,
    ones_of,
    population_stability_index,
)
from breastseg.monitoring.profile import Distribution

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def distribution_of(values: np.ndarray, edges: np.ndarray) -> Distribution:
    counts, _ = np.histogram(values, [-np.inf, *edges, np.inf])
    return Distribution(edges=tuple(edges), shares=tuple(counts / len(values)), n=len(values))


def counts_of(values: np.ndarray, distribution: Distribution) -> np.ndarray:
    return np.bincount([bin_of(distribution, value) for value in values], minlength=len(distribution.shares))


@given(SHARES)
def test_benjamini_hochberg_is_scipys(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(list(false_discovery_control(p_values)))


@given(st.data(), st.integers(1, 500), st.integers(1, 200))
def test_fishers_test_is_scipys(data: st.DataObject, images: int, others: int) -> None:
    window, reference = Ones(data.draw(st.integers(0, images)), images), Ones(data.draw(st.integers(0, others)), others)
    table = np.array([[row.ones, row.images - row.ones] for row in (window, reference)])
    assert fisher_exact(window, reference) == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-5)
    greater = stats.fisher_exact(table, alternative="greater").pvalue
    assert fisher_exact(window, reference, greater=True) == pytest.approx(greater, rel=1e-5)


@pytest.mark.integration
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_a_share_that_has_not_changed_is_within_its_limits(share: float) -> None:
    rng, outside = np.random.default_rng(0), 0
    for _ in range(1000):
        lower, upper = control_limits(Ones(int(rng.binomial(100, share)), 100), 60)
        assert 0 <= lower < upper <= 1
        outside += not lower <= rng.binomial(60, share) / 60 <= upper
    assert outside <= 5


@pytest.mark.integration
@given(st.data(), st.integers(1, 200), st.integers(1, 200))
def test_limits_are_where_the_test_begins_to_object(data: st.DataObject, images: int, others: int) -> None:
    reference = Ones(data.draw(st.integers(0, others)), others)
    table = stats.hypergeom
    both = [ones + reference.ones for ones in range(images + 1)]
    above = [table.sf(ones - 1, images + others, both[ones], images) for ones in range(images + 1)]
    below = [table.cdf(ones, images + others, both[ones], images) for ones in range(images + 1)]
    lower = min(ones for ones in range(images + 1) if below[ones] >= 0.00135)
    upper = max(ones for ones in range(images + 1) if above[ones] >= 0.00135)
    assert control_limits(reference, images) == (lower / images, upper / images)


@given(st.data(), st.integers(1, 300), st.floats(1, 50))
def test_thinning_keeps_the_share(data: st.DataObject, images: int, design_effect: float) -> None:
    seen = Ones(data.draw(st.integers(0, images)), images)
    left = seen.thinned(design_effect)
    assert 0 <= left.ones <= left.images <= images
    assert left.images >= 1
    assert left.ones / left.images == pytest.approx(seen.ones / seen.images, abs=1 / left.images)
    assert seen.thinned(1) == seen


def test_ones_are_counted_in_any_bins() -> None:
    def ones(edges: tuple[float, ...], shares: tuple[float, ...]) -> int:
        return ones_of(Distribution(edges=edges, shares=shares, n=10)).ones

    assert ones((1.0,), (0.7, 0.3)) == 3
    assert ones((-1e-4, 1e-4), (0, 1, 0)) == 0
    assert ones((0.9999, 1.0001), (0, 1, 0)) == 10


@given(st.floats(0, 5))
def test_kolmogorovs_tail_is_scipys(value: float) -> None:
    assert kolmogorov_tail(value) == pytest.approx(kstwobign.sf(value), abs=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(20, 200), st.floats(-1, 1))
def test_with_an_edge_at_every_value_the_statistic_is_scipys(seed: int, images: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    reference, window = rng.normal(size=100), rng.normal(shift, 1, images)
    everywhere = distribution_of(reference, np.unique(np.concatenate([reference, window])))
    statistic, p_value = kolmogorov_smirnov(everywhere, counts_of(window, everywhere))
    expected = ks_2samp(reference, window, method="asymp")
    assert statistic == pytest.approx(expected.statistic)
    coarse = distribution_of(reference, np.quantile(reference, np.arange(1, 10) / 10))
    fewer, larger = kolmogorov_smirnov(coarse, counts_of(window, coarse))
    assert fewer <= statistic + 1e-12
    assert larger >= p_value - 1e-12


def test_equal_windows_raise_it_at_most_as_often_as_the_level() -> None:
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(2000):
        reference = rng.normal(size=120)
        distribution = distribution_of(reference, np.quantile(reference, np.arange(1, 10) / 10))
        p_values.append(kolmogorov_smirnov(distribution, counts_of(rng.normal(size=60), distribution))[1])
    assert np.mean(np.array(p_values) < 0.05) <= 0.05


def test_the_index_of_a_worked_example() -> None:
    distribution = Distribution(edges=(0.0,), shares=(0.5, 0.5), n=99)
    counts = np.array([19, 79])
    p, q = np.array([19.5, 79.5]) / 99, np.array([0.5, 0.5])
    assert population_stability_index(distribution, counts) == pytest.approx(((p - q) * np.log(p / q)).sum(), rel=1e-6)


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3))
def test_the_index_is_never_negative_and_zero_for_the_same(counts: list[int]) -> None:
    distribution = Distribution(edges=(0.0, 1.0), shares=(0.25, 0.5, 0.25), n=100)
    assert population_stability_index(distribution, np.array(counts)) >= 0
    assert population_stability_index(distribution, np.array([25, 50, 25])) == pytest.approx(0)
