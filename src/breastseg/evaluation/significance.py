"""Whether two networks differ by more than chance: paired tests, and a correction for their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import wilcoxon
from statsmodels.stats.multitest import multipletests

from breastseg.evaluation.json_file import significant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from breastseg.evaluation.arrays import Floats


# Differences are ranked, so equal ones must be equal: 2/3 - 1/3 and 1 - 2/3 differ in their last bits.
_DECIMALS = 9


def signed_rank_p_value(differences: Floats, groups: Sequence[str]) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test, 0..1; 1 where nothing differs.

    The test asks for independent observations, so it is given each group's mean difference.

    Args:
        differences: `[cases]`.
        groups: The group of each case.
    """
    sums, sizes = _by_group(differences, groups)
    means = np.round(sums / sizes, _DECIMALS)
    return significant(float(wilcoxon(means).pvalue)) if means.any() else 1.0


def mcnemar_p_value(first: Floats, second: Floats, groups: Sequence[str]) -> float:
    """Two-sided p-value of the exact McNemar test of two yes-or-no outcomes, 0..1; 1 where nothing differs.

    McNemar asks whether cases on which the two differ fall to either side as coins would. Cases of one group fall
    together, so here a coin is a group with the sum of its differences. Where each case is a group of its own, this is
    the textbook's test.

    Args:
        first: 0 or 1, `[cases]`.
        second: 0 or 1, `[cases]`.
        groups: The group of each case.
    """
    sums, _ = _by_group(second - first, groups)
    found, probabilities = _signed_sums(int(abs(size)) for size in sums)
    as_far = np.abs(found) >= abs(int(sums.sum()))
    return significant(min(1.0, float(probabilities[as_far].sum())))


def _by_group(values: Floats, groups: Sequence[str]) -> tuple[Floats, Floats]:
    """Sum the values of each group; give the sums and how many values each has."""
    _, index = np.unique(np.array(groups), return_inverse=True)
    return np.bincount(index, weights=values).astype(np.float64), np.bincount(index).astype(np.float64)


def _signed_sums(sizes: Iterable[int]) -> tuple[Floats, Floats]:
    """Distribute the sum of some sizes, each with a random sign: sums `[sums]` and their probabilities `[sums]`."""
    probabilities = np.ones(1)
    for size in sizes:
        spread = np.zeros(2 * size + 1)
        spread[[0, -1]] = 0.5 if size else 1.0
        probabilities = np.convolve(probabilities, spread)
    most = (len(probabilities) - 1) // 2
    return np.arange(-most, most + 1, dtype=np.float64), probabilities


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p-values of one family of comparisons for their number, in the order given.

    Source: Holm 1979, https://www.jstor.org/stable/4615733.
    """
    return [significant(float(p_value)) for p_value in multipletests(p_values, method="holm")[1]]
