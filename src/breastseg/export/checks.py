"""Comparison of an exported file with its checkpoint, and of its scores with the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from tqdm import tqdm

from breastseg.errors import Problem
from breastseg.evaluation.json_file import significant
from breastseg.evaluation.metrics import Scores, score_case
from breastseg.inference.gate import NAMES, GateCheck, GateResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from breastseg.data.table import PreparedCase
    from breastseg.evaluation.arrays import Float32s
    from breastseg.evaluation.judged_case import JudgedCase
    from breastseg.inference.lesions import OperatingPoint
    from breastseg.inference.segmenter import Segmenter
    from breastseg.params.export import Export, Gate, Int8


@dataclass(frozen=True)
class Parity:
    """How far the exported file is from its checkpoint, over the test cases at native size.

    Attributes:
        cases: Number of cases.
        max_probability_difference: Largest absolute difference of any probability, of a pixel or of presence.
        mean_probability_difference: Mean absolute difference over an image's pixels, then over the images.
        dice: Mean Dice of the lesion images, of the file; None without lesion images.
        dice_difference: Mean absolute difference to the checkpoint's, image by image; None without lesion images.
        missed: Share of lesion images on which the file marks nothing; None without lesion images.
        normal_false_positive_rate: Share of normals on which it marks something; None without normals. One that shows a
            lesion image does not count.
    """

    cases: int
    max_probability_difference: float
    mean_probability_difference: float
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
    largest: list[float] = []
    means: list[float] = []
    of_file: list[Scores] = []
    of_checkpoint: list[Scores] = []
    pairs = zip(cases, judged, strict=True)
    for case, expected in tqdm(pairs, desc="check the exported file", total=len(cases), unit="image", delay=2):
        found = segmenter.segment(case.image())
        difference = np.abs(found.probability - expected.probability(point.temperature))
        largest += [
            float(difference.max()),
            np.nan if found.presence is None else abs(found.presence - expected.presence),
        ]
        means.append(float(difference.mean(dtype=np.float64)))
        of_file.append(score_case(case, expected.truth, found.mask, expected.judged))
        of_checkpoint.append(score_case(case, expected.truth, expected.predicted(point), expected.judged))
    return Parity(
        cases=len(cases),
        max_probability_difference=float(np.max(largest)),
        mean_probability_difference=float(np.mean(means)),
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
    """List how the file with float32 weights differs from its checkpoint beyond the tolerances, NaN being one."""
    fix = "Report it: the export is at fault"
    return [
        *_above("probabilities", parity.max_probability_difference, params.max_probability_difference, fix),
        *_above("mean Dice", parity.dice_difference, params.max_dice_difference, fix),
    ]


def int8_differences(parity: Parity, params: Int8) -> list[Problem]:
    """List how the file with int8 weights differs from its checkpoint beyond the tolerances, NaN being one."""
    checks = [
        ("probabilities", parity.max_probability_difference, params.max_probability_difference),
        ("mean probabilities", parity.mean_probability_difference, params.max_mean_probability_difference),
        ("mean Dice", parity.dice_difference, params.max_dice_difference),
    ]
    fix = "Export with export.weights: float32, or raise the bound in export.int8"
    return [
        problem
        for what, difference, bound in checks
        for problem in _above(f"{what} with int8 weights", difference, bound, fix)
    ]


def _above(what: str, difference: float | None, bound: float, fix: str) -> list[Problem]:
    if difference is None or difference <= bound:
        return []
    return [Problem(what, f"differ from the checkpoint's by {difference:.3g}, allowed are {bound:.3g}", fix)]


def rounding_faults(model: onnx.ModelProto, quantized: onnx.ModelProto) -> list[Problem]:
    """List the int8 weights that are off by more than rounding, by ONNX's reference implementation.

    Of a single layer that is wrong, probabilities often show little: this compares the weights themselves.

    Args:
        model: Before quantization.
        quantized: After it.
    """
    nodes = [node for node in quantized.graph.node if node.op_type == "DequantizeLinear"]
    outputs = [helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None) for node in nodes]
    graph = helper.make_graph(nodes, "weights", [], outputs, quantized.graph.initializer)
    alone = helper.make_model(graph, opset_imports=quantized.opset_import)
    found = dict(zip([value.name for value in outputs], ReferenceEvaluator(alone).run(None, {}), strict=True))
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    axes = {node.output[0]: helper.get_node_attr_value(node, "axis") for node in nodes}
    return [
        Problem(name, "is off by more than rounding to int8 explains", "Report it: the export is at fault")
        for name, weight in found.items()
        if not _is_rounded(numpy_helper.to_array(stored[name]), weight, axes[name])
    ]


def _is_rounded(weight: Float32s, found: Float32s, axis: int) -> bool:
    """Whether no weight is off by more than half a step of its channel, of which there are 127 to the largest."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    step = np.abs(weight).max(axis=others, keepdims=True) / 127
    # a little more: the step is rounded to float32 too
    return bool((np.abs(found - weight) <= 0.5001 * step).all())


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
