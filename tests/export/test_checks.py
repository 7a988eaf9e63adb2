"""Every difference to the checkpoint is a fault, and every bound of the gate that is missed is recorded."""

from __future__ import annotations

import math
from dataclasses import replace

from breastseg.export.checks import Parity, differences, gate_result
from breastseg.params.export import Export, Gate

EXPORT = Export(
    licence="MIT",
    opset=20,
    max_probability_difference=1e-3,
    max_dice_difference=1e-3,
    gate=Gate(min_dice=0.8, max_missed=0.1, max_normal_false_positive_rate=0.2, on_failure="mark"),
)
GOOD = Parity(
    cases=10,
    max_probability_difference=1e-5,
    dice=0.85,
    dice_difference=0.0,
    missed=0.05,
    normal_false_positive_rate=0.1,
)


def failed(parity: Parity) -> list[str]:
    return [check.name for check in gate_result(parity, EXPORT.gate).failures]


def test_a_file_on_its_bounds_is_released() -> None:
    on_bounds = Parity(10, 1e-3, 0.8, 1e-3, 0.1, 0.2)
    for parity in (GOOD, on_bounds):
        assert differences(parity, EXPORT) == []
        assert gate_result(parity, EXPORT.gate).passed


def test_every_bound_that_is_crossed_is_named() -> None:
    bad = Parity(10, 2e-3, 0.79, 2e-3, 0.11, 0.21)
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
