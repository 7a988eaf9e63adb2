"""The queue and labelled answers come back, also from a spreadsheet; a damaged file is never read in part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.prediction_logs.queue import Wish, choose
from breastseg.prediction_logs.tables import read_queue, write_queue
from tests.prediction_logs.makers import make_prediction

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def queue(tmp_path: Path) -> tuple[Path, list[Wish]]:
    rows = choose([make_prediction(name) for name in "abcdef"], 6, 0.5)
    write_queue(rows, tmp_path / "queue.csv")
    return tmp_path / "queue.csv", rows


def test_a_spreadsheet_may_save_it_its_own_way(queue: tuple[Path, list[Wish]]) -> None:
    path, rows = queue
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    lines = [f"{header.upper()},x_who", *(f"{line},me" for line in lines), ",,,,,,"]
    path.write_text("\r\n".join(lines).replace(",", ";"), encoding="utf-8-sig")
    assert read_queue(path) == rows


def test_a_stray_quote_is_named_with_its_line(queue: tuple[Path, list[Wish]]) -> None:
    path, _ = queue
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[2] = f'"{lines[2]}'
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ProblemsError, match=r"(?s)monitor queue.*queue\.csv:3: has a quote") as error:
        read_queue(path)
    assert len(error.value.problems) == 1


def test_a_renamed_column_names_the_nearest(queue: tuple[Path, list[Wish]]) -> None:
    path, _ = queue
    path.write_text(path.read_text(encoding="utf-8").replace("reason", "reasons").replace("by chance", "chance"))
    with pytest.raises(ProblemsError, match=r"queue\.csv:1: .*'reasons' and lacks the column reason") as error:
        read_queue(path)
    assert len(error.value.problems) == 1


def test_every_faulty_line_is_named(queue: tuple[Path, list[Wish]]) -> None:
    path, _ = queue
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1], lines[3], lines[4] = f"{lines[1]},more", lines[3].replace(",0,", ",zero,"), "a,0"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ProblemsError) as error:
        read_queue(path)
    assert [problem.path.rpartition(":")[2] for problem in error.value.problems] == ["2", "4", "5"]


def test_a_missing_queue_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="monitor queue"):
        read_queue(tmp_path / "queue.csv")
