"""Comparison of an exported file with its checkpoint, and of its scores with the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from breastseg.errors import Problem
from breastseg.evaluation.json_file import significant
from breastseg.evaluation.metrics import Scores, score_case
from breastseg.inference.gate import NAMES, GateCheck, GateResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from breastseg.data.table import PreparedCase
    from breastseg.evaluation.judged_case import JudgedCase
    from breastseg.inference.lesions import OperatingPoint
    from breastseg.inference.segmenter import Segmenter
    from breastseg.params.export import Export, Gate


@dataclass(frozen=True)
class Parity:
    """How far the exported file is from its checkpoint, over the test cases at native size.

    Attributes:
        cases: Number of cases.
        max_probability_difference: Largest absolute difference of any probability, of a pixel or of presence.
        dice: Mean Dice of the lesion images, of the file; None without lesion images.
        dice_difference: Mean absolute difference to the checkpoint's, image by image; None without lesion images.
        missed: Share of lesion images on which the file marks nothing; None without lesion images.
        normal_false_positive_rate: Share of normals on which it marks something; None without normals. One that shows a
            lesion image does not count.
    """

    cases: int
    max_probability_difference: float
    dice: float | None
    dice_difference: float | None
    missed: float | None
    normal_false_positive_rate: float | None


def compare(
    segmenter: Segmenter, cases: Sequence[PreparedCase], judged: Sequence[JudgedCase], point: OperatingPoint
) -> Parity:
    """Send every case through the file as a user would, and compare with the checkpoint's answer.

    Args:
        segmenter: The exported file.
        cases: Test cases.
        judged: The same cases with the checkpoint's logits, in the same order.
        point: The operating point of the network.
    """
    differences: list[float] = []
    of_file: list[Scores] = []
    of_checkpoint: list[Scores] = []
    pairs = zip(cases, judged, strict=True)
    for case, expected in tqdm(pairs, desc="check the exported file", total=len(cases), unit="image", delay=2):
        found = segmenter.segment(case.image())
        differences.append(float(np.abs(found.probability - expected.probability(point.temperature)).max()))
        differences.append(np.nan if found.presence is None else abs(found.presence - expected.presence))
        of_file.append(score_case(case, expected.truth, found.mask, expected.judged))
        of_checkpoint.append(score_case(case, expected.truth, expected.predicted(point), expected.judged))
    return Parity(
        cases=len(cases),
        max_probability_difference=float(np.max(differences)),
        dice=_mean(s.dice for s in of_file),
        dice_difference=_mean(np.abs(_dice(of_file) - _dice(of_checkpoint))),
        missed=_mean(s.missed for s in of_file),
        normal_false_positive_rate=_mean(s.false_positive for s in of_file),
    )


def _dice(scores: Sequence[Scores]) -> npt.NDArray[np.float64]:
    """Dice of the lesion images among the cases, in their order."""
    return np.array([s.dice for s in scores if s.dice is not None])


def _mean(values: Iterable[float | None]) -> float | None:
    """Mean of the values that there are; None where there is none."""
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else None


def differences(parity: Parity, params: Export) -> list[Problem]:
    """List how the file differs from its checkpoint beyond the tolerances, NaN being a difference."""
    return [
        *_above("probabilities", parity.max_probability_difference, params.max_probability_difference),
        *_above("mean Dice", parity.dice_difference, params.max_dice_difference),
    ]


def _above(what: str, difference: float | None, bound: float) -> list[Problem]:
    if difference is None or difference <= bound:
        return []
    text = f"differ from the checkpoint's by {difference:.3g}, allowed are {bound:.3g}"
    return [Problem(what, text, "Report it: the export is at fault")]


def gate_result(parity: Parity | None, gate: Gate) -> GateResult:
    """Compare the file's scores, to six significant digits, with the bounds; None: nothing is measured yet."""
    bounds = (gate.min_dice, gate.max_missed, gate.max_normal_false_positive_rate)
    scores = (parity.dice, parity.missed, parity.normal_false_positive_rate) if parity else (None, None, None)
    checks = zip(NAMES, bounds, scores, strict=True)
    return GateResult.of([GateCheck.of(name, bound, _rounded(value)) for name, bound, value in checks])


def _rounded(value: float | None) -> float | None:
    return None if value is None else significant(value)


def gate_problems(found: GateResult) -> list[Problem]:
    """List the bounds that are missed, for a release that is refused."""
    fix = "Train longer or on more images, change export.gate, or export it marked: export.gate.on_failure: mark"
    return [Problem(check.score, check.comparison, fix) for check in found.failures]
