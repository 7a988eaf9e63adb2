from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import permutation_test, wilcoxon
from statsmodels.stats.contingency_tables import mcnemar

from breastseg.evaluation.significance import holm, mcnemar_p_value, signed_rank_p_value


def test_the_signed_rank_test_takes_a_group_for_one_observation() -> None:
    differences = np.random.default_rng(0).normal(0.3, 1, 20)
    repeated = signed_rank_p_value(np.repeat(differences, 5), [str(i // 5) for i in range(100)])
    assert repeated == pytest.approx(wilcoxon(differences).pvalue, rel=1e-5)
    assert signed_rank_p_value(np.zeros(4), ["a", "b", "c", "d"]) == 1


def test_mcnemar_asks_only_cases_that_the_networks_do_not_agree_on() -> None:
    only_first, only_second, agreed = [(1, 0)] * 2, [(0, 1)] * 9, [(1, 1)] * 50 + [(0, 0)] * 7
    first, second = np.array(only_first + only_second + agreed, float).T
    alone = [str(i) for i in range(len(first))]
    expected = mcnemar([[50, 2], [9, 7]], exact=True).pvalue
    assert mcnemar_p_value(first, second, alone) == pytest.approx(expected, rel=1e-5)
    assert mcnemar_p_value(first, first, alone) == 1


def test_mcnemar_takes_a_group_for_one_observation() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 2, (2, 40)).astype(float)
    groups = np.sort(rng.integers(0, 12, 40))
    sums = np.bincount(groups, second - first)
    signs = permutation_test(
        (sums, np.zeros_like(sums)), lambda a, b: float((a - b).sum()), permutation_type="samples", n_resamples=10_000
    )
    assert mcnemar_p_value(first, second, [str(g) for g in groups]) == pytest.approx(signs.pvalue, rel=1e-5)
    # ten equal images of a patient say no more than one
    patients = [str(i // 10) for i in range(60)]
    assert mcnemar_p_value(np.zeros(60), np.ones(60), patients) == pytest.approx(2 / 2**6)


def test_equal_differences_of_averaged_trainings_are_ties() -> None:
    thirds = np.array([2 / 3 - 1 / 3, 1 - 2 / 3, 1 / 3, 1 / 3 - 2 / 3, 2 / 3 - 1, 1 / 3, 2 / 3])
    groups = [str(i) for i in range(len(thirds))]
    exact = np.array([1, 1, 1, -1, -1, 1, 2]) / 3
    assert len(set(np.abs(thirds))) > 2
    assert signed_rank_p_value(thirds, groups) == signed_rank_p_value(exact, groups)
    assert signed_rank_p_value(np.array([1 / 3 - 2 / 3, 2 / 3 - 1 / 3]), ["a", "a"]) == 1


def test_the_worked_example_of_the_docs() -> None:
    first, second = np.array([1] * 6 + [0] * 4, float), np.array([1] * 6 + [1] * 4, float)
    assert mcnemar_p_value(first, second, [str(i) for i in range(10)]) == 0.125  # 4 to 0 among the disagreeing: 2 / 2^4
    assert mcnemar_p_value(first, second, [str(i // 2) for i in range(10)]) == 0.5
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_holm_corrects_in_the_order_given_and_never_above_one() -> None:
    assert holm([0.8, 0.001, 0.5]) == pytest.approx([1, 0.003, 1])
