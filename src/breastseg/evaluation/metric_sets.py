"""Which figures are told by which cases: lesion images, normals, or all of them; docs/metrics.md explains each."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

import numpy as np

from breastseg.evaluation.bootstrap import Range
from breastseg.evaluation.estimators import calibration_error, joined, rank_correlation, ratio, risk_coverage_area

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from breastseg.evaluation.arrays import Floats
    from breastseg.evaluation.bootstrap import Estimator
    from breastseg.evaluation.per_image import Row

YES_OR_NO = ("missed", "lesion_hit", "false_positive")
LESION_MEANS = ("dice", "iou", "nsd1", "nsd2", "nsd4", "hd95_px", "missed", "lesion_hit", "expected_dice_error")
NORMAL_MEANS = ("false_positive", "false_positive_share")
# ratio of sums → columns of the numerator (what is subtracted comes second) and of the denominator (None: the images)
LESION_RATIOS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "sensitivity_iou10": (("hits_iou10",), "lesions"),
    "sensitivity_iou50": (("hits_iou50",), "lesions"),
    "ppv_iou10": (("hits_iou10",), "predicted_lesions"),
    "ppv_iou50": (("hits_iou50",), "predicted_lesions"),
    "fp_per_image_iou10": (("predicted_lesions", "hits_iou10"), None),
    "fp_per_image_iou50": (("predicted_lesions", "hits_iou50"), None),
}


@dataclass(frozen=True)
class Answers:
    """One network's answers, case by case.

    Attributes:
        cases: For each case its rows of the per-image table, one a training that judged it, equally many for all.
        bins: Reliability, `[cases, 15, 3]`, summed over trainings; zeros for normals.
    """

    cases: Sequence[Sequence[Row]]
    bins: Floats

    @property
    def rows(self) -> list[Row]:
        """One row a case, for what is true of the case itself."""
        return [rows[0] for rows in self.cases]

    @property
    def groups(self) -> list[str]:
        """The group of each case."""
        return [row.group for row in self.rows]

    @property
    def trainings(self) -> int:
        """How many trainings predicted on each case."""
        return len(self.cases[0])

    def part(self, indices: Sequence[int]) -> Answers:
        """Take some of the cases."""
        return Answers([self.cases[i] for i in indices], self.bins[indices])

    def training(self, index: int) -> Answers:
        """Take one of the trainings; the bins stay those of all."""
        return Answers([[rows[index]] for rows in self.cases], self.bins)

    def column(self, name: str) -> Floats:
        """Take a column of the table, averaged over trainings: float64 `[cases]`."""
        values = [[getattr(row, name) for row in rows] for rows in self.cases]
        means: Floats = np.array(values, dtype=np.float64).mean(axis=1)
        return means

    def columns(self, names: Iterable[str]) -> Floats:
        """Take columns of the table, averaged over trainings: float64 `[cases, columns]`."""
        return np.stack([self.column(name) for name in names], axis=1)


@dataclass(frozen=True)
class MetricSet:
    """Figures that are told by the same cases, so that they share one bootstrap.

    Attributes:
        names: The figures.
        tells: Whether a case tells them.
        build: From the answers to such cases to the estimator, a column a name.
    """

    names: tuple[str, ...]
    tells: Callable[[Row], bool]
    build: Callable[[Answers], Estimator]


def _means(names: tuple[str, ...]) -> Callable[[Answers], Estimator]:
    return lambda answers: ratio(answers.columns(names), np.ones((len(answers.cases), len(names))))


def _lesion_ratios(answers: Answers) -> Estimator:
    images = np.ones(len(answers.cases))
    numerators, denominators = [], []
    for above, below in LESION_RATIOS.values():
        first, *subtracted = (answers.column(name) for name in above)
        numerators.append(first - sum(subtracted))
        denominators.append(images if below is None else answers.column(below))
    return ratio(np.stack(numerators, axis=1), np.stack(denominators, axis=1))


def _calibration(answers: Answers) -> Estimator:
    dice, expected = answers.column("dice"), answers.column("expected_dice")
    return joined(
        calibration_error(answers.bins), rank_correlation(expected, dice), risk_coverage_area(1 - dice, expected)
    )


def range_of(metric: str, answers: Iterable[Answers]) -> Range:
    """Return what a figure can be; of what has no upper end, the greatest value of a case stands for it."""
    if metric == "expected_dice_spearman":
        return Range(-1, 1)
    rows = [row for found in answers for case in found.cases for row in case]
    if metric == "hd95_px":
        return Range(0, max(hypot(row.height, row.width) for row in rows))
    if metric.startswith("fp_per_image"):
        return Range(0, max(row.predicted_lesions for row in rows))
    return Range(0, 1)


def range_of_difference(metric: str, range_: Range) -> Range:
    """Return what the difference of two such figures can be; of yes or no, the least difference is the whole range."""
    span = range_.high - range_.low
    return Range(-span, span, seen=metric not in YES_OR_NO)


METRIC_SETS = (
    MetricSet(LESION_MEANS, lambda row: row.truth_px > 0, _means(LESION_MEANS)),
    MetricSet(("ece", "expected_dice_spearman", "aurc"), lambda row: row.truth_px > 0, _calibration),
    MetricSet(NORMAL_MEANS, lambda row: row.normal, _means(NORMAL_MEANS)),
    MetricSet(tuple(LESION_RATIOS), lambda row: row.counts, _lesion_ratios),
)
