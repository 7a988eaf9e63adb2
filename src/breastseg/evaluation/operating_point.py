"""Chooses each network's operating point; it is handed validation cases only, so test cases cannot take part.

Two decisions, two numbers: the probability of presence decides whether an image shows a lesion, the probability of a
pixel where it lies. The former trades missed lesions against false positives on normal images, the latter and the
minimum area are chosen for the outlines alone.
"""

from __future__ import annotations

import logging
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from scipy.stats.mstats import hdquantiles

from breastseg.errors import BreastsegError
from breastseg.evaluation.threshold_grid import THRESHOLDS, dice_grid
from breastseg.inference.lesions import OperatingPoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.evaluation.arrays import Float32s, Floats
    from breastseg.evaluation.judged_case import JudgedCase
    from breastseg.evaluation.threshold_grid import GridCase

_LOGGER = logging.getLogger(__name__)

TEMPERATURES: Final = (0.05, 20.0)
MIN_AREA_SHARES: Final = (0.0, 0.0005, 0.001, 0.002, 0.005, 0.01)
# of a logit: keeps the logits of probabilities 0 and 1 finite
_MOST: Final = 30.0
# of the logit of a presence threshold, the last that is kept
_DIGIT: Final = 1e-6
_NO_LESION: Final = "No validation case has a lesion. Raise `split.val_share`, or look at the raw masks"


def choose_operating_point(
    cases: Sequence[GridCase], temperature: float, max_normal_false_positive_rate: float, name: str
) -> OperatingPoint:
    """Choose pixel threshold, minimum area and presence threshold.

    Pixel threshold and minimum area have the largest mean Dice over lesion images, all of which are taken to show a
    lesion; of equal ones the threshold nearest to 0.5, then the smaller area. The presence threshold is at least the
    quantile of the normal images' presence that leaves the allowed share of them above: the estimator of Harrell and
    Davis 1982 (https://doi.org/10.1093/biomet/69.3.635), which weighs several order statistics instead of trusting one
    or two. A share of less than one image counts as one. The threshold lies midway between that and the next lesion
    image above, which costs no lesion. Both are computed on logits. Without normal images it is 0.

    Args:
        cases: Validation cases of one network; of several folds, those of all of them.
        temperature: Divided the pixels' logits.
        max_normal_false_positive_rate: Allowed share of normal images with a false positive, 0..1.
        name: The network, for the log.

    Raises:
        BreastsegError: No case has a lesion.
    """
    lesions = [case for case in cases if case.truth_px]
    normals = [case for case in cases if not case.truth_px]
    if not lesions:
        raise BreastsegError(_NO_LESION)
    dice = dice_grid(lesions, MIN_AREA_SHARES)
    step, share = _best_outline(dice.mean(axis=0))
    of_normals, of_lesions = ([case.presence for case in kind] for kind in (normals, lesions))
    threshold = _presence_threshold(of_normals, of_lesions, max_normal_false_positive_rate)
    point = OperatingPoint(temperature, THRESHOLDS[step], MIN_AREA_SHARES[share], threshold)
    shown = np.array([point.shows_lesion(case.presence) for case in lesions])
    marked = [point.shows_lesion(c.presence) and c.is_marked(step, MIN_AREA_SHARES[share]) for c in normals]
    _LOGGER.info(
        "%s: %s, validation Dice %.4f, %d of %d lesion images below the presence threshold, false positives on %d of "
        "%d normal images",
        name,
        point,
        (dice[:, step, share] * shown).mean(),
        (~shown).sum(),
        len(lesions),
        sum(marked),
        len(normals),
    )
    return point


def _best_outline(dice: Floats) -> tuple[int, int]:
    """Return the indices of threshold and minimum area with the largest mean Dice `[thresholds, areas]`."""

    def merit(place: tuple[int, int]) -> tuple[float, float, int]:
        step, share = place
        return float(dice[place]), -abs(THRESHOLDS[step] - 0.5), -share

    return max(product(range(dice.shape[0]), range(dice.shape[1])), key=merit)


def _presence_threshold(normals: Sequence[float], lesions: Sequence[float], max_rate: float) -> float:
    """Return the presence threshold, its logit to six decimals; see `choose_operating_point`."""
    if not normals or max_rate == 1:
        return 0.0
    # an image of exactly the threshold is taken to show a lesion
    smallest = _normal_quantile(_logits(normals), max_rate) if max_rate else float(_logits(normals).max()) + _DIGIT
    above = [value for value in _logits(lesions) if value > smallest]
    return float(expit(round((smallest + min(above)) / 2 if above else smallest, 6)))


def _normal_quantile(logits: Floats, max_rate: float) -> float:
    """Return the logit that a share `max_rate` of such normal images exceeds, or one where that is less than one."""
    # of a single one the estimator knows no quantile
    share = max(max_rate, 1 / len(logits))
    return float(hdquantiles(logits, [1 - share])[0] if len(logits) > 1 else logits[0])


def _logits(probabilities: Sequence[float]) -> Floats:
    logits: Floats = np.clip(logit(probabilities), -_MOST, _MOST)
    return logits


def fit_temperature(cases: Sequence[JudgedCase]) -> float:
    """Find the temperature of the smallest negative log-likelihood, to four decimals, within `TEMPERATURES`.

    Temperature scaling is that of Guo et al. 2017, https://arxiv.org/abs/1706.04599. Every valid pixel of the
    letterboxed images counts once, padding does not.

    Args:
        cases: Lesion images; the logits are those of a lesion given that the image shows one.

    Raises:
        BreastsegError: There are none.
    """
    if not cases:
        raise BreastsegError(_NO_LESION)
    margins = np.concatenate([_margins(case) for case in cases])

    def negative_log_likelihood(log_temperature: float) -> float:
        return float(np.logaddexp(0, margins * np.float32(-np.exp(-log_temperature))).mean(dtype=np.float64))

    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(negative_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-4})
    return round(float(np.exp(found.x)), 4)


def _margins(case: JudgedCase) -> Float32s:
    """Logits of the true class, `[pixels]`."""
    box = case.letterbox
    counted = box.inside() & box.mask(case.judged)
    margins: Float32s = np.where(box.mask(case.truth), case.logits.pixels, -case.logits.pixels)[counted]
    return margins
