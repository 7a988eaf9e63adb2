"""Every difference to the checkpoint is a fault, and every bound of the gate that is missed is recorded."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from breastseg.export.checks import Parity, differences, gate_result, int8_differences, rounding_faults
from breastseg.export.quantization import quantize_weights
from breastseg.params.export import Export, Gate, Int8

if TYPE_CHECKING:
    from collections.abc import Callable

EXPORT = Export(
    licence="MIT",
    opset=20,
    max_probability_difference=1e-3,
    max_dice_difference=1e-3,
    weights="float32",
    int8=Int8(max_probability_difference=0.1, max_mean_probability_difference=1e-3, max_dice_difference=2e-3),
    gate=Gate(min_dice=0.8, max_missed=0.1, max_normal_false_positive_rate=0.2, on_failure="mark"),
)
GOOD = Parity(
    cases=10,
    max_probability_difference=1e-5,
    mean_probability_difference=1e-6,
    dice=0.85,
    dice_difference=0.0,
    missed=0.05,
    normal_false_positive_rate=0.1,
)


def failed(parity: Parity) -> list[str]:
    return [check.name for check in gate_result(parity, EXPORT.gate).failures]


def test_a_file_on_its_bounds_is_released() -> None:
    on_bounds = Parity(10, 1e-3, 1e-3, 0.8, 1e-3, 0.1, 0.2)
    for parity in (GOOD, on_bounds):
        assert differences(parity, EXPORT) == []
        assert gate_result(parity, EXPORT.gate).passed


def test_every_bound_that_is_crossed_is_named() -> None:
    bad = Parity(10, 2e-3, 1e-3, 0.79, 2e-3, 0.11, 0.21)
    assert [problem.path for problem in differences(bad, EXPORT)] == ["probabilities", "mean Dice"]
    assert failed(bad) == ["min_dice", "max_missed", "max_normal_false_positive_rate"]


def test_what_is_not_a_number_is_a_difference() -> None:
    nothing = replace(GOOD, max_probability_difference=math.nan, dice_difference=math.nan)
    assert len(differences(nothing, EXPORT)) == 2


def test_a_bad_score_is_not_a_difference_to_the_checkpoint() -> None:
    assert differences(replace(GOOD, dice=0.0, missed=1.0, normal_false_positive_rate=1.0), EXPORT) == []


def test_a_test_set_without_normals_is_not_held_against_the_gate() -> None:
    assert failed(replace(GOOD, normal_false_positive_rate=None)) == []


def test_without_lesion_images_there_is_no_dice_to_compare_and_the_gate_fails() -> None:
    without = replace(GOOD, dice=None, dice_difference=None, missed=None)
    assert differences(without, EXPORT) == []
    assert failed(without) == ["min_dice", "max_missed"]


def test_what_is_recorded_has_as_many_digits_as_the_metrics() -> None:
    dice = gate_result(replace(GOOD, dice=2 / 3), EXPORT.gate).checks[0]
    assert (dice.measured, dice.passed) == (0.666667, False)


def test_int8_weights_have_bounds_of_their_own() -> None:
    on_bounds = Parity(10, 0.1, 1e-3, 0.8, 2e-3, 0.1, 0.2)
    assert int8_differences(on_bounds, EXPORT.int8) == []
    assert len(differences(on_bounds, EXPORT)) == 2
    beyond = Parity(10, 0.11, 1.1e-3, 0.8, 2.1e-3, 0.1, 0.2)
    problems = int8_differences(beyond, EXPORT.int8)
    assert [problem.path for problem in problems] == [
        "probabilities with int8 weights",
        "mean probabilities with int8 weights",
        "mean Dice with int8 weights",
    ]
    assert all("export.weights: float32" in problem.mend for problem in problems)


def test_what_is_not_a_number_is_a_difference_with_int8_weights_too() -> None:
    nothing = Parity(10, math.nan, math.nan, 0.8, math.nan, 0.1, 0.2)
    assert len(int8_differences(nothing, EXPORT.int8)) == 3


def two_layers() -> ModelProto:
    """image [N, 64] times `first` [64, 96] times `second` [96, 64]; no two columns have the same range."""
    rng = np.random.default_rng(0)
    shapes = {"first": (64, 96), "second": (96, 64)}
    weights = {
        name: (rng.normal(size=shape) * np.linspace(0.5, 2, shape[1])).astype(np.float32)
        for name, shape in shapes.items()
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["image", "first"], ["hidden"]),
            helper.make_node("MatMul", ["hidden", "second"], ["answer"]),
        ],
        "layers",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["N", 64])],
        [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_rounded_weights_are_no_fault() -> None:
    assert rounding_faults(two_layers(), quantize_weights(two_layers())) == []


def test_weights_that_are_off_by_more_than_rounding_are_named() -> None:
    changes: list[tuple[str, Callable[[np.ndarray], np.ndarray]]] = [
        ("second.scale", lambda scale: np.roll(scale, 1)),
        ("second.scale", lambda scale: scale * np.float32(1.02)),
        ("second.int8", lambda values: np.where(np.arange(values.size).reshape(values.shape) == 70, -values, values)),
    ]
    for tensor, changed in changes:
        quantized = quantize_weights(two_layers())
        (stored,) = (found for found in quantized.graph.initializer if found.name == tensor)
        stored.CopyFrom(numpy_helper.from_array(changed(numpy_helper.to_array(stored)), tensor))
        assert [problem.path for problem in rounding_faults(two_layers(), quantized)] == ["second"]
