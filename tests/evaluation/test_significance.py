from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, wilcoxon

from breastseg.evaluation.significance import holm, mcnemar_p_value, signed_rank_p_value


def test_the_signed_rank_test_takes_a_group_for_one_observation() -> None:
    differences = np.random.default_rng(0).normal(0.3, 1, 20)
    repeated = signed_rank_p_value(np.repeat(differences, 5), [str(i // 5) for i in range(100)])
    assert repeated == pytest.approx(wilcoxon(differences).pvalue, rel=1e-5)
    assert signed_rank_p_value(np.zeros(4), ["a", "b", "c", "d"]) == 1


def test_mcnemar_asks_only_cases_that_the_networks_do_not_agree_on() -> None:
    only_first, only_second, agreed = [(1, 0)] * 2, [(0, 1)] * 9, [(1, 1)] * 50 + [(0, 0)] * 7
    first, second = np.array(only_first + only_second + agreed, float).T
    assert mcnemar_p_value(first, second) == pytest.approx(binomtest(2, 11).pvalue, rel=1e-5)
    assert mcnemar_p_value(first, first) == 1


def test_the_worked_example_of_the_docs() -> None:
    first, second = np.array([1] * 6 + [0] * 4, float), np.array([1] * 6 + [1] * 4, float)
    assert mcnemar_p_value(first, second) == 0.125  # 4 to 0 among the disagreeing: 2 / 2^4
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_holm_corrects_in_the_order_given_and_never_above_one() -> None:
    assert holm([0.8, 0.001, 0.5]) == pytest.approx([1, 0.003, 1])
