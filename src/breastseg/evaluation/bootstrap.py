"""Confidence intervals by resampling groups, since images of one patient are no independent observations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.evaluation.arrays import Floats

_LEVEL = 0.95
# weights of so many resamples x groups are in memory at once
_BLOCK = 5_000_000


def group_sums(values: Floats, groups: Sequence[str]) -> tuple[Floats, Floats]:
    """Sum `values` `[cases, columns]` over each group: sums `[groups, columns]` and numbers of cases `[groups]`."""
    names, index = np.unique(np.array(groups), return_inverse=True)
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, index, values)
    return sums, np.bincount(index).astype(np.float64)


def confidence_intervals(values: Floats, groups: Sequence[str], resamples: int, seed: int) -> tuple[Floats, Floats]:
    """95 % percentile intervals of the columns' means over cases, by a bootstrap that draws whole groups.

    Every column sees the same draws, so the interval of a column of differences is the paired one.

    Args:
        values: `[cases, columns]`, at least one case.
        groups: The group of each case.
        resamples: Number of draws.
        seed: Seed of the draws.

    Returns:
        Lower and upper ends, `[columns]` each.

    Source: Field and Welsh 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x (the cluster bootstrap).
    """
    sums, counts = group_sums(values, groups)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(counts))
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    means = np.concatenate([_resampled_means(sums, counts, size, rng) for size in sizes])
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0)
    return low, high


def _resampled_means(sums: Floats, counts: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Means of `size` draws of as many groups as there are, with replacement: `[size, columns]`."""
    groups = len(counts)
    times_drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=size).astype(np.float64)
    means: Floats = (times_drawn @ sums) / (times_drawn @ counts)[:, None]
    return means
