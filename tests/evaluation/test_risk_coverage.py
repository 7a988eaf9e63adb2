from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.evaluation.estimators import risk_coverage_area
from breastseg.evaluation.risk_coverage import CurvePoint, risk_coverage_curve, write_curve
from tests.evaluation import world

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.evaluation.per_image import Row


def rows() -> list[Row]:
    """Three lesion images of one network, one of another, and rows that have no part."""
    scores = {"a": (0.9, 0.95), "b": (0.5, 0.7), "c": (0.8, 0.6)}
    made = [
        world.row("vit_unet", 1, world.ellipse(), case_id=case, dice=dice, expected_dice=expected)
        for case, (dice, expected) in scores.items()
    ]
    other = world.row("cnn_unet", 1, world.ellipse(), dice=0.25, expected_dice=0.5)
    return [*made, other, world.row("vit_unet", 2, world.ellipse(), subset="val"), world.row("vit_unet", 0, TRUTH)]


TRUTH = world.ellipse()


def test_the_worked_example_of_the_docs() -> None:
    first, *curve = risk_coverage_curve(rows())
    assert first == CurvePoint("cnn_unet", 1.0, 0.75, 0.5)
    assert [point.coverage for point in curve] == pytest.approx([1 / 3, 2 / 3, 1], rel=1e-5)
    assert [point.risk for point in curve] == pytest.approx([0.1, 0.3, 0.8 / 3], rel=1e-5)
    assert [point.expected_dice for point in curve] == [0.95, 0.7, 0.6]


def test_the_area_under_the_curve_is_the_mean_of_its_points() -> None:
    lesions = rows()[:3]
    losses, expected = np.array([[1 - (row.dice or 0), row.expected_dice] for row in lesions]).T
    area = risk_coverage_area(losses, expected)(np.ones((1, 3)))[0, 0]
    assert area == pytest.approx(np.mean([point.risk for point in risk_coverage_curve(lesions)]), rel=1e-5)


def test_it_is_written_as_a_table(tmp_path: Path) -> None:
    write_curve(risk_coverage_curve(rows()), tmp_path / "c.csv")
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert lines[:2] == ["network,coverage,risk,expected_dice", "cnn_unet,1.0,0.75,0.5"]
    assert len(lines) == 5
