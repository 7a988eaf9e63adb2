"""DVCLive's files: a function of the history, and nothing else is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.training.curves import Curves

if TYPE_CHECKING:
    from pathlib import Path

HISTORY = [{"train_loss": 1 / (epoch + 3), "val_dice": epoch / 7} for epoch in range(5)]


@pytest.fixture(autouse=True)
def _outside_of_any_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_one_table_a_curve_and_nothing_else(tmp_path: Path) -> None:
    curves = Curves(tmp_path / "plots", HISTORY)
    curves.end()
    assert set(files(tmp_path)) == {"plots/plots/metrics/train_loss.tsv", "plots/plots/metrics/val_dice.tsv"}
    lines = (tmp_path / "plots/plots/metrics/val_dice.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["step", "val_dice"]
    assert [(int(step), float(value)) for step, value in (line.split("\t") for line in lines[1:])] == [
        (epoch, row["val_dice"]) for epoch, row in enumerate(HISTORY)
    ]


@pytest.mark.parametrize("known", [0, 2, 5])
def test_rewritten_from_the_history_they_are_the_same(tmp_path: Path, known: int) -> None:
    """Whatever an earlier run left there."""
    Curves(tmp_path / "whole", HISTORY).end()
    for row in HISTORY[: known + 1]:
        Curves(tmp_path / "resumed", []).add(row)
    resumed = Curves(tmp_path / "resumed", HISTORY[:known])
    for row in HISTORY[known:]:
        resumed.add(row)
    resumed.end()
    assert files(tmp_path / "resumed") == files(tmp_path / "whole")
