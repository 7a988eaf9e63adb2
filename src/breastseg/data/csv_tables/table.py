"""Rows of a CSV file by column, with the fault of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breastseg.data.csv_tables.header import SEPARATORS, Columns, Header, header_problems, read_header, unnamed_problems
from breastseg.data.csv_tables.syntax import Fault, Row, read_lines, separator_name, split_line, split_rows
from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One row.

    Attributes:
        where: The file and the number of the (first) line of the row.
        cells: Text by known column, without the blanks around it.
        ignored: The same of the columns that are the user's own.
        fault: Why the cells cannot be trusted to stand in their columns, or None.
    """

    where: str
    cells: dict[str, str]
    ignored: dict[str, str]
    fault: Problem | None


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A file.

    Attributes:
        lines: The rows that have any text.
        separator: What the cells are separated by.
        problems: What is wrong with the header; where there is anything, the table must not be used.
    """

    lines: tuple[Line, ...]
    separator: str
    problems: tuple[Problem, ...]

    @property
    def faults(self) -> tuple[Problem, ...]:
        """The faults of the lines."""
        return tuple(line.fault for line in self.lines if line.fault)


def read_csv(path: Path, columns: Columns) -> CsvTable:
    """Read a table in UTF-8, separated by commas, semicolons or tabs, whichever its header shows.

    Args:
        path: The file.
        columns: What its header may name.

    Raises:
        ProblemsError: The file cannot be read, or its header cannot be split into columns.
    """
    texts = read_lines(path)
    header = read_header(path, texts, columns)
    rows = split_rows(texts, header.row.number, header.separator, header.widths)
    lines = tuple(_line(path, row, header, columns, texts) for row in rows)
    problems = (*header_problems(header, columns), *unnamed_problems(header, rows, columns))
    return CsvTable(lines, header.separator, problems)


def read_valid_csv(path: Path, columns: Columns) -> CsvTable:
    """Read a table like `read_csv`, and refuse a header that is at fault; single lines may still be.

    Raises:
        ProblemsError: As of `read_csv`, or the header is at fault; the faults of the lines are listed too.
    """
    table = read_csv(path, columns)
    if table.problems:
        raise ProblemsError(f"{path.name} is invalid", [*table.problems, *table.faults])
    return table


def _line(path: Path, row: Row, header: Header, columns: Columns, texts: Sequence[str]) -> Line:
    where = f"{path.as_posix()}:{row.number}"
    cells, ignored = (
        {name: row.cells[index] if index < len(row.cells) else "" for name, index in at.items()}
        for at in (header.at, header.ignored)
    )
    fault = row.fault or _miscount(row, header, columns, texts[row.number - 1])
    return Line(where, cells, ignored, Problem(where, fault.what, fault.fix) if fault else None)


def _miscount(row: Row, header: Header, columns: Columns, text: str) -> Fault | None:
    if len(row.cells) in header.widths:
        return None
    surplus = len(row.cells) > len(header.row.cells)
    what = f"has {'more' if surplus else 'fewer'} cells than columns"
    for mark in SEPARATORS:
        if mark != header.separator and len(split_line(text, row.number, mark).cells) in header.widths:
            used, right = separator_name(mark), separator_name(header.separator)
            return Fault(what, f"Separate it by {right}, as the columns are, not by {used}")
    if not surplus:
        return Fault(what, "Complete the line; a cell may be empty")
    if header.separator == ";" and columns.list_column:
        return Fault(what, f"Quote {columns.list_column}: \"a.png;b.png\", and any other cell that holds ';'")
    return Fault(what, f"Quote the cells that hold {separator_name(header.separator)}")
