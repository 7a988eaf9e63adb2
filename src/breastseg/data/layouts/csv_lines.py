"""What layouts share about CSV files: reading their lines with the faults of each, and telling labels."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breastseg.data.cases import LABELS, Label
from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a CSV.

    Attributes:
        where: The file and the number of the (last) line that the row stands on.
        cells: The text by column, without the blanks around it.
        fault: Why the cells cannot be trusted to stand in their columns, or none.
    """

    where: str
    cells: dict[str, str]
    fault: Problem | None


def read_csv(path: Path, columns: Collection[str], delimiter: str = ",") -> list[Line]:
    """Read a CSV in UTF-8, with or without a byte order mark; blanks around a cell do not count.

    Raises:
        ProblemsError: The file cannot be read, or lacks some of `columns`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            names = next(reader, [])
            # the reader counts the lines, because a row may span several and empty ones are none
            lines = [_line(f"{path.as_posix()}:{reader.line_num}", names, cells) for cells in reader if cells]
    except (OSError, ValueError, csv.Error) as error:
        problem = Problem(path.as_posix(), f"cannot be read ({error})", "Restore it, as CSV in UTF-8")
        raise ProblemsError("No data", [problem]) from error
    missing = [name for name in columns if name not in names]
    if missing:
        mend = "Add it to the first line"
        raise ProblemsError("No data", [Problem(path.as_posix(), f"lacks the column {n}", mend) for n in missing])
    return lines


def _line(where: str, names: list[str], cells: list[str]) -> Line:
    # of another length, a line keeps what fits; its count is told as a problem
    width = min(len(names), len(cells))
    told = {name: cell.strip() for name, cell in zip(names[:width], cells[:width], strict=True)}
    named = dict.fromkeys(names, "") | told
    return Line(where, named, _miscounted(where, len(cells) - len(names)))


def _miscounted(where: str, surplus: int) -> Problem | None:
    if surplus > 0:
        return Problem(where, "has more cells than columns", "Put cells with the delimiter in quotes")
    if surplus < 0:
        return Problem(where, "has fewer cells than columns", "Complete the line; a cell may be empty")
    return None


def parse_label(text: str) -> Label | None:
    """Tell a label, written in any case; none where the text is no label."""
    return next((label for label in LABELS if label == text.lower()), None)


def unknown_label(where: str, text: str) -> Problem:
    """Tell that `where` gives a label that there is not."""
    return Problem(where, f"has the unknown label {text!r}", f"Write one of {', '.join(LABELS)}")
