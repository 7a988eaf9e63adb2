from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test, wilcoxon
from statsmodels.stats.contingency_tables import mcnemar

from breastseg.evaluation.significance import holm, sign_flip_p_value, signed_rank_p_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.evaluation.arrays import Floats


def test_the_signed_rank_test_takes_a_group_for_one_observation() -> None:
    differences = np.random.default_rng(0).normal(0.3, 1, 20)
    repeated = signed_rank_p_value(np.repeat(differences, 5), [str(i // 5) for i in range(100)])
    assert repeated == pytest.approx(wilcoxon(differences).pvalue, rel=1e-5)
    assert signed_rank_p_value(np.zeros(4), ["a", "b", "c", "d"]) == 1


def flipped(differences: Floats, groups: Sequence[str]) -> float:
    """The p-value by scipy: pairs of group sums and 0, exchanged at random."""
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], differences)
    found = permutation_test(
        (sums, np.zeros_like(sums)), lambda a, b: float((a - b).sum()), permutation_type="samples", n_resamples=20_000
    )
    return float(found.pvalue)


@pytest.mark.parametrize("groups", [8, 12, 40])
def test_signs_of_group_sums_are_flipped(groups: int) -> None:
    rng = np.random.default_rng(groups)
    differences = rng.normal(0.2, 1, 60)
    names = [str(group) for group in np.sort(rng.integers(0, groups, 60))]
    expected = flipped(differences, names)
    assert sign_flip_p_value(differences, names, 0) == pytest.approx(expected, rel=1e-5 if groups < 14 else 0.1)


def test_it_tests_the_mean_and_not_the_ranks() -> None:
    # one network is a little better on most images, and much worse on a few
    differences = np.array([0.01] * 40 + [-0.5] * 6)
    groups = [str(i) for i in range(46)]
    assert differences.mean() < 0
    assert signed_rank_p_value(differences, groups) < 0.001
    assert sign_flip_p_value(differences, groups, 0) == pytest.approx(flipped(differences, groups), rel=0.2)
    assert sign_flip_p_value(differences, groups, 0) > 0.02
    assert sign_flip_p_value(-differences, groups, 0) == sign_flip_p_value(differences, groups, 0)


@pytest.mark.parametrize("groups", [13, 15])
def test_the_null_gives_small_p_values_as_often_as_they_say(groups: int) -> None:
    rng = np.random.default_rng(0)
    found = [sign_flip_p_value(rng.standard_t(2, groups), [*map(str, range(groups))], seed) for seed in range(200)]
    assert 0.01 <= np.mean(np.array(found) <= 0.05) <= 0.1


def test_of_yes_or_no_it_is_the_exact_test_of_mcnemar() -> None:
    only_first, only_second, agreed = [(1, 0)] * 2, [(0, 1)] * 9, [(1, 1)] * 50 + [(0, 0)] * 7
    first, second = np.array(only_first + only_second + agreed, float).T
    alone = [str(i) for i in range(len(first))]
    expected = mcnemar([[50, 2], [9, 7]], exact=True).pvalue
    assert sign_flip_p_value(second - first, alone, 0) == pytest.approx(expected, rel=1e-5)
    assert sign_flip_p_value(first - first, alone, 0) == 1
    # ten equal images of a patient say no more than one
    assert sign_flip_p_value(np.ones(60), [str(i // 10) for i in range(60)], 0) == pytest.approx(2 / 2**6)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=11))
def test_differences_in_thirds_are_counted_exactly(thirds: list[int]) -> None:
    groups = [str(i) for i in range(len(thirds))]
    expected = sign_flip_p_value(np.array(thirds, float), groups, 0)
    # of three trainings, written in every way that a mean of scores comes about
    sums = [sum([1 / 3] * abs(number)) * np.sign(number) for number in thirds]
    assert sign_flip_p_value(np.array(sums), groups, 0) == pytest.approx(expected)
    assert sign_flip_p_value(np.array([2 / 3 + number / 3 - 2 / 3 for number in thirds]), groups, 0) == expected


@pytest.mark.parametrize(("first_only", "second_only"), [(0, 28), (5, 16), (40, 70)])
def test_yes_or_no_is_exact_for_any_number_of_groups(first_only: int, second_only: int) -> None:
    differences = np.array([-1.0] * first_only + [1.0] * second_only)
    expected = binomtest(first_only, first_only + second_only).pvalue
    found = sign_flip_p_value(differences, [str(i) for i in range(len(differences))], 0)
    assert found == pytest.approx(expected, rel=1e-5)


def test_equal_differences_of_averaged_trainings_are_ties() -> None:
    thirds = np.array([2 / 3 - 1 / 3, 1 - 2 / 3, 1 / 3, 1 / 3 - 2 / 3, 2 / 3 - 1, 1 / 3, 2 / 3])
    groups = [str(i) for i in range(len(thirds))]
    exact = np.array([1, 1, 1, -1, -1, 1, 2]) / 3
    assert len(set(np.abs(thirds))) > 2
    assert signed_rank_p_value(thirds, groups) == signed_rank_p_value(exact, groups)
    assert signed_rank_p_value(np.array([1 / 3 - 2 / 3, 2 / 3 - 1 / 3]), ["a", "a"]) == 1


def test_the_worked_example_of_the_docs() -> None:
    first, second = np.array([1] * 6 + [0] * 4, float), np.array([1] * 6 + [1] * 4, float)
    assert sign_flip_p_value(second - first, [str(i) for i in range(10)], 0) == 0.125  # 4 to 0: 2 / 2^4
    assert sign_flip_p_value(second - first, [str(i // 2) for i in range(10)], 0) == 0.5
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_holm_corrects_in_the_order_given_and_never_above_one() -> None:
    assert holm([0.8, 0.001, 0.5]) == pytest.approx([1, 0.003, 1])
