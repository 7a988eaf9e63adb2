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
# what is left of differences that cancel out
_NOTHING = 1e-9
# so many groups have few enough signs to try them all
_ALL_SIGNS = 14
_FLIPS, _BLOCK = 20_000, 1_000


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


def sign_flip_p_value(differences: Floats, groups: Sequence[str], seed: int) -> float:
    """Two-sided p-value of the sign-flip permutation test of a mean difference, 0..1; 1 where nothing differs.

    Were both networks alike, the sum of each group's differences could as well have the other sign. The p-value is the
    share of all such signs with which the sum over all groups is as far from 0 as it is: the mean that stands beside
    it, to a factor. It is exact where the networks are exchangeable; of means that rare failures decide, it is too
    small where there are few groups. Of yes or no it is McNemar's exact test where each case is a group of its own.

    Args:
        differences: `[cases]`.
        groups: The group of each case.
        seed: Seed of the signs that are tried where there are too many to try all.

    Source: Good 2005, Permutation, Parametric, and Bootstrap Tests of Hypotheses, https://doi.org/10.1007/b138696;
    Phipson and Smyth 2010, https://doi.org/10.2202/1544-6115.1585 (the sum as it is counts as one of those tried).
    """
    sums, _ = _by_group(differences, groups)
    sums = sums[np.abs(sums) > _NOTHING]
    if not len(sums):
        return 1.0
    # equal sums of fractions differ in their last bits
    far = abs(sums.sum()) - _NOTHING * len(sums)
    if np.array_equal(sums, np.round(sums)):
        found, probabilities = _signed_sums(int(abs(size)) for size in sums)
        return significant(min(1.0, float(probabilities[np.abs(found) >= far].sum())))
    if len(sums) <= _ALL_SIGNS:
        signs = 1 - 2 * (np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1)
        return significant(float(np.mean(np.abs(signs @ sums) >= far)))
    rng = np.random.default_rng(seed)
    # in blocks, for tables of thousands of groups
    as_far = sum(
        np.count_nonzero(np.abs((1 - 2.0 * rng.integers(0, 2, (_BLOCK, len(sums)), dtype=np.int8)) @ sums) >= far)
        for _ in range(_FLIPS // _BLOCK)
    )
    return significant((1 + as_far) / (1 + _FLIPS))


def _by_group(values: Floats, groups: Sequence[str]) -> tuple[Floats, Floats]:
    """Sum the values of each group; give the sums and how many values each has."""
    _, index = np.unique(np.array(groups), return_inverse=True)
    return np.bincount(index, weights=values).astype(np.float64), np.bincount(index).astype(np.float64)


def _signed_sums(sizes: Iterable[int]) -> tuple[Floats, Floats]:
    """Distribute the sum of whole numbers, each with a random sign: sums `[sums]` and their probabilities `[sums]`."""
    probabilities = np.ones(1)
    for size in sizes:
        spread = np.zeros(2 * size + 1)
        spread[[0, -1]] = 0.5
        probabilities = np.convolve(probabilities, spread)
    most = (len(probabilities) - 1) // 2
    return np.arange(-most, most + 1, dtype=np.float64), probabilities


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p-values of one family of comparisons for their number, in the order given.

    Source: Holm 1979, https://www.jstor.org/stable/4615733.
    """
    return [significant(float(p_value)) for p_value in multipletests(p_values, method="holm")[1]]
