"""The figures of a set of cases as functions of how often each case counts, so that one bootstrap serves them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import digamma

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Floats
    from breastseg.evaluation.bootstrap import Estimator


def ratio(numerators: Floats, denominators: Floats) -> Estimator:
    """Ratios of sums over cases, numerator and denominator resampled together; a mean has denominators of 1.

    Args:
        numerators: `[cases, columns]`.
        denominators: `[cases, columns]`, not negative. NaN comes out where they sum up to 0.
    """

    def estimator(weights: Floats) -> Floats:
        below = weights @ denominators
        return np.divide(weights @ numerators, below, out=np.full_like(below, np.nan), where=below > 0)

    return estimator


# ranks are multiples of 0.5 and their means are not: what varies at all is far above the noise of the last bit
_ROUNDING = 1e-6


def rank_correlation(first: Floats, second: Floats) -> Estimator:
    """Spearman's rank correlation of two scores `[cases]`, -1..1; NaN where one of them does not vary."""

    def estimator(weights: Floats) -> Floats:
        a, b = (_centred(_ranks(scores, weights), weights) for scores in (first, second))
        squares = (weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1)
        correlation = np.full(len(weights), np.nan)
        np.divide((weights * a * b).sum(axis=1), np.sqrt(squares), out=correlation, where=squares > _ROUNDING)
        return correlation[:, None]

    return estimator


def _ranks(scores: Floats, weights: Floats) -> Floats:
    """Average ranks of the cases where each stands in the list `weights` times: `[resamples, cases]`."""
    _, index = np.unique(scores, return_inverse=True)
    order = np.argsort(index, kind="stable")
    first_of_equals = np.flatnonzero(np.diff(index[order], prepend=-1))
    copies = np.add.reduceat(weights[:, order], first_of_equals, axis=1)
    ranks: Floats = (np.cumsum(copies, axis=1) - (copies - 1) / 2)[:, index]
    return ranks


def _centred(values: Floats, weights: Floats) -> Floats:
    centred: Floats = values - ((weights * values).sum(axis=1) / weights.sum(axis=1))[:, None]
    return centred


def risk_coverage_area(losses: Floats, confidence: Floats) -> Estimator:
    """Area under the risk-coverage curve: the mean, over all numbers of kept cases, of the kept ones' mean loss.

    The most confident are kept; of equally confident ones those that stand first.

    Args:
        losses: `[cases]`.
        confidence: `[cases]`.

    Source: Geifman and El-Yaniv 2017, https://arxiv.org/abs/1705.08500 (the curve); Geifman, Uziel and El-Yaniv 2019,
    https://arxiv.org/abs/1805.08206 (its area).
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = losses[order]

    def estimator(weights: Floats) -> Floats:
        """With W cases and a loss of L before it, w copies of one of loss l give the sum of (L + i l) / (W + i)."""
        copies = weights[:, order]
        kept, loss = np.cumsum(copies, axis=1), np.cumsum(copies * ordered, axis=1)
        before, loss_before = kept - copies, loss - copies * ordered
        # the sum of 1 / (W + i) for i = 1..w
        harmonic = digamma(kept + 1) - digamma(before + 1)
        total: Floats = (copies * ordered + (loss_before - before * ordered) * harmonic).sum(axis=1)
        return (total / kept[:, -1])[:, None]

    return estimator


def calibration_error(bins: Floats) -> Estimator:
    """Expected calibration error of pixels: the mean distance of probability and share of lesion over the bins.

    Args:
        bins: `[cases, bins, 3]`: pixels, sum of their probabilities, lesion pixels among them.

    Source: Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602; Guo et al. 2017, https://arxiv.org/abs/1706.04599.
    """
    pixels, gaps = bins[:, :, 0].sum(axis=1), bins[:, :, 1] - bins[:, :, 2]

    def estimator(weights: Floats) -> Floats:
        error: Floats = np.abs(weights @ gaps).sum(axis=1) / (weights @ pixels)
        return error[:, None]

    return estimator


def joined(*estimators: Estimator) -> Estimator:
    """The columns of several estimators beside each other."""
    return lambda weights: np.hstack([estimator(weights) for estimator in estimators])


def with_difference(first: Estimator, second: Estimator) -> Estimator:
    """The columns of `first`, of `second` and of `second` minus `first`."""

    def estimator(weights: Floats) -> Floats:
        a, b = first(weights), second(weights)
        return np.hstack([a, b, b - a])

    return estimator
