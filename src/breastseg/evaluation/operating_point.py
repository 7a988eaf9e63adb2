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
from breastseg.inference.lesions import OperatingPoint, segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.evaluation.arrays import Float32s, Floats
    from breastseg.evaluation.judged_case import JudgedCase

_LOGGER = logging.getLogger(__name__)

TEMPERATURES = (0.05, 20.0)
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
MIN_AREA_SHARES = (0.0, 0.0005, 0.001, 0.002, 0.005)


@dataclass(frozen=True)
class _Grid:
    """What the validation cases say about each point: `[points]` each, in the order of `points`."""

    points: list[OperatingPoint]
    dice: Floats
    false_positive_rate: Floats


def choose_operating_point(
    cases: Sequence[JudgedCase], max_normal_false_positive_rate: float, name: str
) -> OperatingPoint:
    """Choose temperature, threshold and minimum area.

    The temperature minimises the pixels' negative log-likelihood. Of the points on the grid that paint a lesion on at
    most the allowed share of the normals (or, where none does, on the smallest share that any reaches) the one with
    the largest mean Dice of lesion images is taken; of equal ones the threshold nearest to 0.5, then the smaller area.

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
    if attainable > max_normal_false_positive_rate:
        _LOGGER.warning(
            "%s: no operating point leaves enough validation normals unmarked; taking the smallest rate, %.3f instead "
            "of evaluate.max_normal_false_positive_rate = %.3f",
            name,
            attainable,
            max_normal_false_positive_rate,
        )
    return _best(grid, max(attainable, max_normal_false_positive_rate), name)


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
    rate = np.mean(normals, axis=0) if normals else np.zeros(len(points))
    return _Grid(points, np.mean(lesions, axis=0), rate)


def _judge_points(case: JudgedCase, points: Sequence[OperatingPoint]) -> list[float]:
    """Return the Dice at each point, or for a normal whether a lesion is painted on."""
    probability = case.probability(points[0].temperature)
    truth = case.truth & case.judged
    truth_px = int(truth.sum())
    judgement = []
    for point in points:
        predicted = segment(probability, point) & case.judged
        predicted_px = int(predicted.sum())
        both_px = int((predicted & truth).sum())
        judgement.append(2 * both_px / (truth_px + predicted_px) if truth_px else float(predicted_px > 0))
    return judgement


def _best(grid: _Grid, limit: float, name: str) -> OperatingPoint:
    def merit(index: int) -> tuple[float, float, float]:
        point = grid.points[index]
        return float(grid.dice[index]), -abs(point.threshold - 0.5), -point.min_area_share

    best = max(np.flatnonzero(grid.false_positive_rate <= limit).tolist(), key=merit)
    _LOGGER.info(
        "%s: %s, validation Dice %.4f, false-positive rate of normals %.3f",
        name,
        grid.points[best],
        grid.dice[best],
        grid.false_positive_rate[best],
    )
    return grid.points[best]
