"""Holds an exported file against the checkpoint that it came from, and its scores against the quality gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from breastseg.errors import Problem
from breastseg.evaluation.metrics import Scores, score_case

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        max_probability_difference: Largest absolute difference of any pixel's probability.
        dice: Mean Dice of the lesion images, of the file.
        dice_difference: Mean absolute difference to the checkpoint's, image by image.
        missed: Share of lesion images on which the file marks nothing.
        normal_false_positive_rate: Share of normals on which it marks something; None without normals. One that shows a
            lesion image does not count.
    """

    cases: int
    max_probability_difference: float
    dice: float
    dice_difference: float
    missed: float
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
        of_file.append(score_case(case, expected.truth, found.mask, expected.judged))
        of_checkpoint.append(score_case(case, expected.truth, expected.predicted(point), expected.judged))
    false_positives = [s.false_positive for s in of_file if s.false_positive is not None]
    return Parity(
        cases=len(cases),
        max_probability_difference=float(np.max(differences)),
        dice=float(_dice(of_file).mean()),
        dice_difference=float(np.abs(_dice(of_file) - _dice(of_checkpoint)).mean()),
        missed=float(np.mean([s.missed for s in of_file if s.missed is not None])),
        normal_false_positive_rate=float(np.mean(false_positives)) if false_positives else None,
    )


def _dice(scores: Sequence[Scores]) -> npt.NDArray[np.float64]:
    """Dice of the lesion images among the cases, in their order."""
    return np.array([s.dice for s in scores if s.dice is not None])


def faults(parity: Parity, params: Export) -> list[Problem]:
    """Name every bound that the file does not keep, NaN keeping none; no fault means that it may be released."""
    return [
        *_above(
            "probabilities", parity.max_probability_difference, params.max_probability_difference, "the checkpoint"
        ),
        *_above("mean Dice", parity.dice_difference, params.max_dice_difference, "the checkpoint"),
        *_gate_faults(parity, params.gate),
    ]


def _above(what: str, difference: float, bound: float, of: str) -> list[Problem]:
    text = f"differ from {of}'s by {difference:.3g}, allowed are {bound:.3g}"
    return [Problem(what, text, "Report it: the export is at fault")] if not difference <= bound else []


def _gate_faults(parity: Parity, gate: Gate) -> list[Problem]:
    mend = "Train better, or change export.gate"
    found = []
    if not parity.dice >= gate.min_dice:
        found.append(Problem("mean Dice", f"is {parity.dice:.3f}, the gate asks for {gate.min_dice:.3f}", mend))
    if not parity.missed <= gate.max_missed:
        found.append(Problem("missed share", f"is {parity.missed:.3f}, the gate allows {gate.max_missed:.3f}", mend))
    rate, allowed = parity.normal_false_positive_rate, gate.max_normal_false_positive_rate
    if rate is not None and not rate <= allowed:
        found.append(Problem("false-positive rate on normals", f"is {rate:.3f}, the gate allows {allowed:.3f}", mend))
    return found
