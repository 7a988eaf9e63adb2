"""Every bound that an exported file does not keep is named."""

from __future__ import annotations

import math
from dataclasses import replace

from breastseg.export.checks import Parity, faults
from breastseg.params.export import Export, Gate

EXPORT = Export(
    licence="MIT",
    opset=20,
    max_probability_difference=1e-3,
    max_dice_difference=1e-3,
    gate=Gate(min_dice=0.8, max_missed=0.1, max_normal_false_positive_rate=0.2),
)
GOOD = Parity(
    cases=10,
    max_probability_difference=1e-5,
    dice=0.85,
    dice_difference=0.0,
    missed=0.05,
    normal_false_positive_rate=0.1,
)


def test_a_file_on_its_bounds_is_released() -> None:
    on_bounds = Parity(10, 1e-3, 0.8, 1e-3, 0.1, 0.2)
    assert faults(GOOD, EXPORT) == []
    assert faults(on_bounds, EXPORT) == []


def test_every_bound_that_is_crossed_is_named() -> None:
    bad = Parity(10, 2e-3, 0.79, 2e-3, 0.11, 0.21)
    names = ["probabilities", "mean Dice", "mean Dice", "missed share", "false-positive rate on normals"]
    assert [problem.path for problem in faults(bad, EXPORT)] == names


def test_what_is_no_number_keeps_no_bound() -> None:
    nothing = Parity(10, math.nan, math.nan, math.nan, math.nan, math.nan)
    assert len(faults(nothing, EXPORT)) == 5


def test_a_test_set_without_normals_is_not_held_against_the_gate() -> None:
    assert faults(replace(GOOD, normal_false_positive_rate=None), EXPORT) == []
