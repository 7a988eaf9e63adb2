"""Whether two networks differ by more than chance: paired tests, and a correction for their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import wilcoxon
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from breastseg.evaluation.json_file import significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.evaluation.arrays import Floats


def signed_rank_p_value(differences: Floats, groups: Sequence[str]) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test, 0..1; 1 where nothing differs.

    The test asks for independent observations, so it is given each group's mean difference.

    Args:
        differences: `[cases]`.
        groups: The group of each case.
    """
    _, index = np.unique(np.array(groups), return_inverse=True)
    means = np.bincount(index, differences) / np.bincount(index)
    return significant(float(wilcoxon(means).pvalue)) if means.any() else 1.0


def mcnemar_p_value(first: Floats, second: Floats) -> float:
    """Two-sided p-value of the exact McNemar test of two yes-or-no outcomes, 0..1; 1 where nothing differs.

    Args:
        first: 0 or 1, `[cases]`.
        second: 0 or 1, `[cases]`.
    """
    table = [[int(((first == a) & (second == b)).sum()) for b in (1, 0)] for a in (1, 0)]
    return significant(float(mcnemar(table, exact=True).pvalue)) if (first != second).any() else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p-values of one family of comparisons for their number, in the order given.

    Source: Holm 1979, https://www.jstor.org/stable/4615733.
    """
    return [significant(float(p_value)) for p_value in multipletests(p_values, method="holm")[1]]
