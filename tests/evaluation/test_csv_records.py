"""Records that stages write come back exactly as they were, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from breastseg.data.csv_file import write_csv
from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.csv_records import read_records

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Record:
    name: str
    size: int
    note: str | None


def test_odd_names_come_back_exactly(tmp_path: Path) -> None:
    names = [" blank ", "two\nlines", 'a "quote"', "a;b,c", "zero\u200bwidth"]
    records = [Record(name, index, None) for index, name in enumerate(names)]
    write_csv(Record, records, tmp_path / "r.csv")
    assert read_records(Record, tmp_path / "r.csv", "list") == records


def test_lines_of_another_length_are_named_by_their_line(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text('name,size,note\n"two\nlines",1,\na,2\nb,3,,\nc,4,\n', encoding="utf-8")
    with pytest.raises(ProblemsError) as error:
        read_records(Record, tmp_path / "r.csv", "list")
    assert [problem.path.rpartition(":")[2] for problem in error.value.problems] == ["4", "5"]


def test_a_stray_quote_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text('name,size,note\na,1,"\nb,2,\nc,3,\n', encoding="utf-8")
    with pytest.raises(BreastsegError, match=r"r\.csv cannot be read"):
        read_records(Record, tmp_path / "r.csv", "list")
