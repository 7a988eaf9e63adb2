"""Statistics of a window of images against the reference: short ones, so that the service does without scipy."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

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
# what lies beyond three standard deviations of a normal distribution, on one side
_OUTSIDE = 0.00135
_SAME_LOGARITHM = 1e-7


@dataclass(frozen=True)
class Ones:
    """How often a feature that is 0 or 1 is 1.

    Attributes:
        ones: Images where it is 1.
        images: Images in all.
    """

    ones: int
    images: int

    def turned(self) -> Self:
        """Return zeros in the place of ones."""
        return type(self)(self.images - self.ones, self.images)

    def thinned(self, design_effect: float) -> Self:
        """Return what is left if so many images tell as much as one; at least one image of one."""
        images = max(1, round(self.images / design_effect))
        return type(self)(min(images, round(self.ones / design_effect)), images)


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


def kolmogorov_smirnov(
    distribution: Distribution, counts: Counts, design_effects: tuple[float, float] = (1.0, 1.0)
) -> tuple[float, float]:
    """Return the two-sample Kolmogorov-Smirnov statistic and its asymptotic p-value.

    Both distributions are compared at the edges of the bins only, so that the statistic is never too large, and the
    p-value never too small.

    Args:
        distribution: The reference.
        counts: Images of the window in each bin, int64 `[bins]`; at least one image.
        design_effects: So many images of the reference, and of the window, tell as much as one.
    """
    images = int(counts.sum())
    gap = np.abs(np.cumsum(distribution.shares) - np.cumsum(counts) / images).max()
    effective = 1 / (design_effects[0] / distribution.n + design_effects[1] / images)
    return float(gap), kolmogorov_tail(float(np.sqrt(effective) * gap))


def kolmogorov_tail(value: float) -> float:
    """Return the probability that Kolmogorov's limit distribution exceeds a value (Kolmogorov 1933)."""
    if value < _SMALLEST:
        return 1.0
    terms = np.arange(1, _TERMS + 1)
    return float(np.clip(2 * ((-1.0) ** (terms - 1) * np.exp(-2 * (terms * value) ** 2)).sum(), 0, 1))


def fisher_exact(window: Ones, reference: Ones, *, greater: bool = False) -> float:
    """Return the p-value of Fisher's exact test that two shares are equal (Fisher 1922).

    Two-sided, it adds up the probabilities of all tables with the same margins that are no likelier than the one seen.

    Args:
        window: The window's ones among its images.
        reference: The reference's.
        greater: Only a larger share in the window counts against it.
    """
    both = window.ones + reference.ones
    possible = np.arange(max(0, both - reference.images), min(window.images, both) + 1)
    ways = _log_ways(window.images, possible) + _log_ways(reference.images, both - possible)
    shares = np.exp(ways - ways.max())
    place = window.ones - int(possible[0])
    # equally likely tables differ in their last bits
    counted = shares[place:] if greater else shares[ways <= ways[place] + _SAME_LOGARITHM]
    return float(min(1.0, counted.sum() / shares.sum()))


def control_limits(reference: Ones, images: int) -> tuple[float, float]:
    """Return the limits of a p-chart, between which a share that has not changed nearly always is, 0..1.

    Shewhart's three standard deviations (1931) as their probability: the shares whose tail, on either side, has at
    least 0.135 % by Fisher's exact test against the reference, whose own share is an estimate.

    Args:
        reference: The reference's ones among its images.
        images: Of the window, at least 1.
    """
    most = _most_usual(reference, images)
    fewest = images - _most_usual(reference.turned(), images)
    return fewest / images, most / images


def _most_usual(reference: Ones, images: int) -> int:
    """Return the largest number of ones that is still usual: the tail above it only shrinks."""
    too_many = range(1, images + 1)
    return bisect_left(
        too_many, x=True, key=lambda ones: fisher_exact(Ones(ones, images), reference, greater=True) < _OUTSIDE
    )


def ones_of(distribution: Distribution) -> Ones:
    """Count the reference images that have a 1, of a feature that is 0 or 1."""
    return Ones(round(distribution.n * sum(distribution.shares[bin_of(distribution, 1.0) :])), distribution.n)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the rate of false discoveries (Benjamini and Hochberg 1995), in the order given."""
    values: Floats = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)[::-1]
    ranks = np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum.accumulate(values[order] * len(values) / ranks).clip(0, 1)
    return [float(value) for value in adjusted]


def _log_ways(images: int, ones: Counts) -> Floats:
    """Return the logarithm of the number of ways to choose so many of the images."""
    logarithms: Floats = _log_factorial(images) - _log_factorial(ones) - _log_factorial(images - ones)
    return logarithms


_log_factorial = np.vectorize(lambda number: math.lgamma(number + 1), otypes=[np.float64])


def _smoothed(counts: Floats) -> Floats:
    smoothed: Floats = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    return smoothed
