"""Statistics of a window of images against the reference: short ones, so that the service does without scipy."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from breastseg.monitoring.profile import Distribution

    Counts = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

# terms of Kolmogorov's series beyond which nothing is added to 12 digits where it is used
_TERMS = 50
# below it the series converges slowly, and the probability is 1 to 12 digits
_SMALLEST = 0.2


def bin_of(distribution: Distribution, value: float) -> int:
    """Return the number of the bin that a value falls into, from 0."""
    return bisect_right(distribution.edges, value)


def population_stability_index(distribution: Distribution, counts: Counts) -> float:
    """Return the population stability index: sum of (p - q) ln(p / q) over the bins, 0 for equal shares.

    Both sides get half an image in each bin, so that an empty one is no infinite surprise. (Kullback and Leibler 1951,
    the symmetric divergence; the name is that of credit scoring, where above 0.25 counts as a large shift.)

    Args:
        distribution: The reference.
        counts: Images of the window in each bin, int64 `[bins]`.
    """
    reference = _smoothed(np.array(distribution.shares) * distribution.n)
    window = _smoothed(counts.astype(float))
    return float(((window - reference) * np.log(window / reference)).sum())


def kolmogorov_smirnov(distribution: Distribution, counts: Counts) -> tuple[float, float]:
    """Return the two-sample Kolmogorov-Smirnov statistic and its asymptotic p-value.

    Both distributions are compared at the edges of the bins only, so that the statistic is never too large, and the
    p-value never too small.

    Args:
        distribution: The reference.
        counts: Images of the window in each bin, int64 `[bins]`; at least one image.
    """
    images = int(counts.sum())
    gap = np.abs(np.cumsum(distribution.shares) - np.cumsum(counts) / images).max()
    effective = distribution.n * images / (distribution.n + images)
    return float(gap), kolmogorov_tail(float(np.sqrt(effective) * gap))


def kolmogorov_tail(value: float) -> float:
    """Return the probability that Kolmogorov's limit distribution exceeds a value (Kolmogorov 1933)."""
    if value < _SMALLEST:
        return 1.0
    terms = np.arange(1, _TERMS + 1)
    return float(np.clip(2 * ((-1.0) ** (terms - 1) * np.exp(-2 * (terms * value) ** 2)).sum(), 0, 1))


def binomial_tail(successes: int, trials: int, share: float) -> float:
    """Return the probability of so many successes or more, were their share this one; exact.

    Args:
        successes: 0..`trials`.
        trials: Number of trials.
        share: Above 0 and below 1.
    """
    ways = np.arange(successes, trials + 1)
    logarithms = [
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        + k * math.log(share) + (trials - k) * math.log1p(-share)
        for k in ways.tolist()
    ]  # fmt: skip
    return min(1.0, math.fsum(map(math.exp, logarithms)))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the rate of false discoveries (Benjamini and Hochberg 1995), in the order given."""
    values: Floats = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)[::-1]
    ranks = np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum.accumulate(values[order] * len(values) / ranks).clip(0, 1)
    return [float(value) for value in adjusted]


def _smoothed(counts: Floats) -> Floats:
    smoothed: Floats = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    return smoothed
