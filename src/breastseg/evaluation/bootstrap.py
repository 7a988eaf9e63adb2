"""Confidence intervals by resampling groups, since images of one patient are no independent observations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.stats import t

from breastseg.evaluation.arrays import Floats

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# From how often each case counts, `[resamples, cases]`, to the figures that are looked for, `[resamples, columns]`.
# A figure is NaN where its cases do not tell it.
Estimator = Callable[[Floats], Floats]

_LEVEL = 0.95
# of a group: an end of the range stands for what the groups at hand do not show
_UNSEEN = 0.5
# times the greatest difference of a group: how far from 0 the difference of an unseen one is taken to be
_BEYOND = 3
_NOTHING = 1e-9
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
class Range:
    """What a figure can be.

    Attributes:
        low: The least value.
        high: The greatest value.
        seen: Whether it ends at three times the greatest absolute value that a group has, if that comes first.
    """

    low: float
    high: float
    seen: bool = False


@dataclass(frozen=True)
class Estimates:
    """Figures with the ends of their intervals, `[columns]` each."""

    value: Floats
    low: Floats
    high: Floats


def estimate(
    estimator: Estimator, ranges: Sequence[Range], groups: Sequence[str], resamples: int, seed: int
) -> Estimates:
    """Compute figures of cases with 95 % intervals, by a bootstrap that draws whole groups.

    Percentiles of a bootstrap are too narrow for few groups, since what is rare among cases, such as a missed lesion,
    may be absent from all of them. So each draw also counts a part of a group at the lower end of the figure's range
    for the lower limit, and at the upper end for the upper limit: half a group on average, gamma distributed.

    Every column sees the same draws, so the interval of a difference of two columns is the paired one. A draw that
    does not define a figure (its denominator is 0) has no part in that figure's interval.

    Args:
        estimator: What is computed.
        ranges: What each column can be.
        groups: The group of each case; at least one case.
        resamples: Number of draws.
        seed: Seed of the draws.

    Source: Field and Welsh 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x (the cluster bootstrap); Gaffke 2005
    and Learned-Miller and Thomas 2019, https://arxiv.org/abs/1905.06208 (an observation at the end of the range, there
    a whole one); half of one is what Jeffreys' interval gives a proportion.
    """
    value = estimator(np.ones((1, len(groups))))[0]
    drawn = np.concatenate([estimator(weights) for weights in draw_weights(groups, resamples, seed)])
    count = len(set(groups))
    unseen = np.random.default_rng(seed).standard_gamma(_UNSEEN, resamples)
    reach = _reach(estimator, value, groups) if any(range_.seen for range_ in ranges) else np.full_like(value, np.inf)
    low, high = np.full_like(value, np.nan), np.full_like(value, np.nan)
    for column, range_ in enumerate(ranges):
        # where no group differs, nothing is known of how far one may
        furthest = reach[column] if range_.seen and reach[column] > _NOTHING else np.inf
        defined = ~np.isnan(drawn[:, column])
        seen, extra = drawn[defined, column] * count, unseen[defined]
        if defined.any():
            ends = max(range_.low, -furthest), min(range_.high, furthest)
            limits = [(seen + extra * end) / (count + extra) for end in ends]
            low[column] = np.quantile(limits[0], (1 - _LEVEL) / 2)
            high[column] = np.quantile(limits[1], (1 + _LEVEL) / 2)
    return Estimates(value, low, high)


def _reach(estimator: Estimator, value: Floats, groups: Sequence[str]) -> Floats:
    """Return three times the greatest absolute value of a group, by the jackknife's pseudo-values: `[columns]`.

    Infinite where a figure is not defined without a group. The pseudo-value of a group is its mean where the figure is
    a mean and groups are of equal size.

    Source: Quenouille 1956 and Tukey 1958, https://doi.org/10.1214/aoms/1177706647.
    """
    names, index = np.unique(np.array(groups), return_inverse=True)
    if len(names) == 1:
        return np.full_like(value, np.inf)
    greatest = np.zeros_like(value)
    step = max(1, _BLOCK // len(groups))
    for start in range(0, len(names), step):
        without = estimator(1.0 - (index == np.arange(len(names))[start : start + step, None]))
        pseudo_values = len(names) * value - (len(names) - 1) * without
        # NaN stays NaN
        greatest = np.maximum(greatest, np.abs(pseudo_values).max(axis=0))
    return np.where(np.isnan(greatest), np.inf, _BEYOND * greatest)


def seed_reach(distance: float, means: Sequence[float]) -> float:
    """Return the distance of a limit from the value, widened by what other trainings would change.

    The distances of both causes are added as squares, as for independent ones.

    Args:
        distance: Of the limit for these trainings.
        means: The figure of each training, at least two.

    Source: Zou and Donner 2008, https://doi.org/10.1002/sim.3095 (limits of sums); Student's t for the trainings.
    """
    spread = float(np.std(means, ddof=1)) / len(means) ** 0.5 * float(t.ppf((1 + _LEVEL) / 2, len(means) - 1))
    return float(np.hypot(distance, spread))


def unanimous_interval(share: float, groups: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share of 0 or 1.

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
