"""The headline of a judged folder is over all of its cases, and is nothing where none tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.evaluation.comparison import describe_network
from breastseg.evaluation.evaluate_model import Bootstrap
from breastseg.evaluation.folder_report import format_table, headline_metrics
from tests.evaluation import world

if TYPE_CHECKING:
    from breastseg.evaluation.per_image import Row

BOOTSTRAP = Bootstrap(resamples=300, seed=0)
NO_CASE = {"mean": None, "n": 0, "groups": 0, "ci_low": None, "ci_high": None}


def rows_of(network: str, indices: range, shift: int = 0) -> list[Row]:
    """Predictions that are a little off, and a false positive on every second normal."""
    found = []
    for i in indices:
        off = world.ellipse((30 + i % 5 + shift, 40), (10, 14))
        truth_at = world.make_case(i).mask().any()
        found.append(world.row(network, i, off if truth_at or i % 8 == 0 else off & False))
    return found


def test_the_headline_is_over_all_cases() -> None:
    rows = rows_of("cnn_unet", range(12))
    found = headline_metrics(describe_network(rows, world.some_bins(rows), BOOTSTRAP))
    dice = [row.dice for row in rows if row.dice is not None]
    assert found["lesion"]["dice"]["mean"] == pytest.approx(sum(dice) / len(dice), rel=1e-5)
    assert found["lesion"]["dice"]["n"] == len(dice) == 9
    assert found["normal"]["false_positive_rate"]["mean"] == pytest.approx(2 / 3, rel=1e-5)
    assert found["normal"]["false_positive_rate"]["n"] == 3


def test_what_no_case_tells_is_nothing() -> None:
    normals = [row for row in rows_of("cnn_unet", range(12)) if not row.truth_px]
    statistics = describe_network(normals, [], BOOTSTRAP)
    assert {row.stratum for row in statistics} == {"all"}
    assert set(map(str, headline_metrics(statistics)["lesion"].values())) == {str(NO_CASE)}
    assert "Dice         -       -" in format_table(statistics).splitlines()
