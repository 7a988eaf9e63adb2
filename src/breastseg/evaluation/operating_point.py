"""Chooses each network's operating point; it is handed validation cases only, so test cases cannot take part.

The temperature (Guo et al. 2017, https://arxiv.org/abs/1706.04599) makes probabilities honest; threshold and minimum
area then trade missed lesions against lesions painted on normals.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar
from tqdm import tqdm

from breastseg.errors import BreastsegError
from breastseg.evaluation.metrics import dice
from breastseg.inference.lesions import OperatingPoint, segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.evaluation.arrays import Float32s, Floats
    from breastseg.evaluation.judged_case import JudgedCase

_LOGGER = logging.getLogger(__name__)

TEMPERATURES = (0.05, 20.0)
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
MIN_AREA_SHARES = (0.0, 0.0005, 0.001, 0.002, 0.005, 0.01)
# of the standard error of the Dice that a point loses to the best one: what is within it counts as equally good
TOLERATED_ERRORS = 0.5


@dataclass(frozen=True)
class _Grid:
    """What the validation cases say about each point, in the order of `points`.

    Attributes:
        points: The grid.
        dice: Of each lesion image, `[lesion images, points]`.
        false_positive: 1 where a lesion is painted on a normal, `[normals, points]`; there may be no normals.
    """

    points: list[OperatingPoint]
    dice: Floats
    false_positive: Floats

    @property
    def false_positive_rate(self) -> Floats:
        """Share of the normals with a lesion painted on, `[points]`; 0 without normals."""
        rate: Floats = self.false_positive.sum(axis=0) / max(len(self.false_positive), 1)
        return rate


def choose_operating_point(
    cases: Sequence[JudgedCase], max_normal_false_positive_rate: float, name: str
) -> OperatingPoint:
    """Choose temperature, threshold and minimum area.

    The temperature minimises the pixels' negative log-likelihood. Of the points on the grid that paint a lesion on at
    most the allowed share of the normals, or on a single one where that share of them is less than one (or, where no
    point does, on the smallest share that any reaches), the one with the largest mean Dice of lesion images is best.
    Few normals leave many points about equal: those that lose to the best one by no more than half the standard error
    of their loss are taken for as good, and of them the one that is most careful with normals is chosen, by
    false-positive rate, then minimum area, then threshold. Without normals it is the best one, and of equal ones the
    threshold nearest to 0.5, then the smaller area.

    Args:
        cases: Validation cases of one network.
        max_normal_false_positive_rate: Allowed share of normals with a lesion painted on, 0..1.
        name: The network, for progress and log.

    Raises:
        BreastsegError: No case has a lesion.
    """
    if not any((case.truth & case.judged).any() for case in cases):
        raise BreastsegError("No validation case has a lesion. Raise `split.val_share`, or look at the raw masks")
    grid = _judge_grid(cases, fit_temperature(cases), name)
    attainable = float(grid.false_positive_rate.min())
    allowed = _allowed_rate(max_normal_false_positive_rate, len(grid.false_positive))
    if attainable > allowed:
        _LOGGER.warning(
            "%s: no operating point leaves enough validation normals unmarked; taking the smallest rate, %.3f instead "
            "of evaluate.max_normal_false_positive_rate = %.3f",
            name,
            attainable,
            max_normal_false_positive_rate,
        )
    return _choose(grid, max(attainable, allowed), name)


def _allowed_rate(rate: float, normals: int) -> float:
    """Allow one normal where a rate above 0 of so few is less than one: 0 of 8 would be asked for else, not a tenth."""
    return max(rate, 1 / normals) if rate > 0 and normals else rate


def fit_temperature(cases: Sequence[JudgedCase]) -> float:
    """Find the temperature of the smallest negative log-likelihood, to four decimals, within `TEMPERATURES`.

    Every judged pixel of the letterboxed images counts once, padding does not.
    """
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
    margins: Float32s = np.where(box.mask(case.truth), case.logits, -case.logits)[counted]
    return margins


def _judge_grid(cases: Sequence[JudgedCase], temperature: float, name: str) -> _Grid:
    points = [OperatingPoint(temperature, *pair) for pair in product(THRESHOLDS, MIN_AREA_SHARES)]
    lesions: list[list[float]] = []
    normals: list[list[float]] = []
    for case in tqdm(cases, desc=f"{name}: operating point", unit="case"):
        judgement = _judge_points(case, points)
        (lesions if (case.truth & case.judged).any() else normals).append(judgement)
    return _Grid(points, np.array(lesions), np.array(normals).reshape(-1, len(points)))


def _judge_points(case: JudgedCase, points: Sequence[OperatingPoint]) -> list[float]:
    """Return the Dice at each point, or for a normal whether a lesion is painted on."""
    probability = case.probability(points[0].temperature)
    truth = case.truth & case.judged
    masks = (segment(probability, point) & case.judged for point in points)
    if truth.any():
        return [dice(truth, predicted) for predicted in masks]
    return [float(predicted.any()) for predicted in masks]


def _choose(grid: _Grid, limit: float, name: str) -> OperatingPoint:
    rate, dice = grid.false_positive_rate, grid.dice.mean(axis=0)
    allowed = np.flatnonzero(rate <= limit).tolist()

    def merit(index: int) -> tuple[float, float, float]:
        point = grid.points[index]
        return float(dice[index]), -abs(point.threshold - 0.5), -point.min_area_share

    def care(index: int) -> tuple[float, float, float, float]:
        point = grid.points[index]
        return -float(rate[index]), point.min_area_share, point.threshold, float(dice[index])

    chosen = max(allowed, key=merit)
    if len(grid.false_positive):
        chosen = max((index for index in allowed if _as_good(grid.dice[:, chosen], grid.dice[:, index])), key=care)
    _LOGGER.info(
        "%s: %s, validation Dice %.4f, false-positive rate of normals %.3f",
        name,
        grid.points[chosen],
        dice[chosen],
        rate[chosen],
    )
    return grid.points[chosen]


def _as_good(best: Floats, other: Floats) -> bool:
    """Whether a point's Dice `[lesion images]` loses to the best one's by less than can be told apart.

    A tolerance of standard errors is that of Breiman et al. 1984 (Classification and Regression Trees, 3.4.3).
    """
    lost = best - other
    standard_error = lost.std() / np.sqrt(max(len(lost) - 1, 1))
    return bool(lost.mean() <= TOLERATED_ERRORS * standard_error)
