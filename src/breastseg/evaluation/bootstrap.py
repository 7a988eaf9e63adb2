"""Confidence intervals by resampling groups, since images of one patient are no independent observations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from breastseg.evaluation.arrays import Floats

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# From how often each case counts, `[resamples, cases]`, to the figures that are looked for, `[resamples, columns]`.
# A figure is NaN where its cases do not tell it.
Estimator = Callable[[Floats], Floats]

_LEVEL = 0.95
# weights of so many resamples x cases are in memory at once
_BLOCK = 2_000_000


class Resampling(Protocol):
    """How the intervals are drawn."""

    @property
    def resamples(self) -> int:
        """Number of draws."""

    @property
    def seed(self) -> int:
        """Their seed."""


@dataclass(frozen=True)
class Estimates:
    """Figures with the ends of their intervals, `[columns]` each."""

    value: Floats
    low: Floats
    high: Floats


def estimate(estimator: Estimator, groups: Sequence[str], resamples: int, seed: int) -> Estimates:
    """Compute figures of cases with 95 % percentile intervals, by a bootstrap that draws whole groups.

    Every column sees the same draws, so the interval of a difference of two columns is the paired one. A draw that
    does not tell a figure (its denominator is 0) has no part in that figure's interval.

    Args:
        estimator: What is computed.
        groups: The group of each case; at least one case.
        resamples: Number of draws.
        seed: Seed of the draws.

    Source: Field and Welsh 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x (the cluster bootstrap).
    """
    value = estimator(np.ones((1, len(groups))))[0]
    drawn = np.concatenate([estimator(weights) for weights in draw_weights(groups, resamples, seed)])
    # a figure that no draw tells stays NaN; told by none, it has no interval either
    told = ~np.isnan(drawn).all(axis=0)
    low, high = np.full_like(value, np.nan), np.full_like(value, np.nan)
    ends = [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]
    low[told], high[told] = np.nanquantile(drawn[:, told], ends, axis=0)
    return Estimates(value, low, high)


def unanimous_interval(share: float, groups: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of 0 or 1, where every draw says the same and a bootstrap tells nothing.

    Args:
        share: 0 or 1.
        groups: Number of groups, the independent observations; at least 1.

    Source: Clopper and Pearson 1934, https://doi.org/10.1093/biomet/26.4.404 (the exact interval at the ends).
    """
    reach = 1 - ((1 - _LEVEL) / 2) ** (1 / groups)
    return (0.0, reach) if share == 0 else (1 - reach, 1.0)


def draw_weights(groups: Sequence[str], resamples: int, seed: int) -> Iterator[Floats]:
    """Draw as many groups as there are, with replacement, `resamples` times.

    Yields:
        How often each case was drawn, `[some resamples, cases]`: as often as its group.
    """
    names, index = np.unique(np.array(groups), return_inverse=True)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(groups))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        times_drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=size)
        yield times_drawn.astype(np.float64)[:, index]
