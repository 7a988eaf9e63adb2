"""Header of a CSV file: its separator, its columns, and what is wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breastseg.data.csv_tables.syntax import Row, separator_name, split_line
from breastseg.errors import Problem, ProblemsError
from breastseg.suggestions import nearest
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SEPARATORS = (",", ";", "\t")
# named in errors, but not read: text of every kind holds them
_OTHER_SEPARATORS = ("|", ":", " ")
_DECLARATION = "sep="
_OWN = "x_"
_IGNORE = f"start its name with {_OWN} to have it ignored"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a kind of file has; case does not count in their names.

    Attributes:
        required: Names that must be there.
        optional: Names that may be there.
        list_column: The one whose cells hold a list separated by semicolons, if there is one.
        allow_others: Whether any other column is allowed and ignored; else only those that start with `x_` are.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    list_column: str | None = None
    allow_others: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """All names."""
        return (*self.required, *self.optional)

    def find(self, cell: str) -> str | None:
        """Return the column that a cell of the header names, or None."""
        return next((name for name in self.known if name.casefold() == cell.casefold()), None)

    def count(self, cells: Sequence[str]) -> int:
        """Count the columns that a header names."""
        return len({name for cell in cells if (name := self.find(cell))})

    def count_similar(self, cells: Sequence[str]) -> int:
        """Count the cells of a header that are similar to a known name; a path is not."""
        return sum(nearest(cell, self.known) is not None for cell in cells if not {"/", "\\"} & {*cell})

    def ignores(self, cell: str) -> bool:
        """Return whether a column that is not known is the user's own."""
        return self.allow_others or cell.casefold().startswith(_OWN)


@dataclass(frozen=True, slots=True)
class Header:
    """The line that names the columns.

    Attributes:
        row: Its cells.
        where: The file and the line.
        separator: What it is separated by.
        at: Index of each known column that is there.
        ignored: Index of each column that is the user's own.
    """

    row: Row
    where: str
    separator: str
    at: dict[str, int]
    ignored: dict[str, int]

    @property
    def widths(self) -> range:
        """How many cells a row may have: columns without a name at the end (`a,b,`) may be left out."""
        named = max((index for index, cell in enumerate(self.row.cells, start=1) if cell), default=0)
        return range(named, len(self.row.cells) + 1)


def read_header(path: Path, lines: Sequence[str], columns: Columns) -> Header:
    """Find the header: the first line with text, or the next one behind `sep=;`.

    Raises:
        ProblemsError: There is none, it names none of the columns, or it is unclear what separates it.
    """
    filled = [index for index, line in enumerate(lines) if line.strip()]
    declared = _declared_separator(lines[filled[0]]) if filled else None
    if declared is not None:
        del filled[0]
    if not filled:
        raise _invalid(path, Problem(path.as_posix(), "is empty", _first_line(columns)))
    number = filled[0] + 1
    where, text = f"{path.as_posix()}:{number}", lines[filled[0]]
    separator, problem = _find_separator(where, text, columns, declared)
    row = split_line(text, number, separator)
    if problem is None and row.fault:
        problem = Problem(where, row.fault.what, row.fault.fix)
    # of a line of data, one cell may be similar to a name by chance
    if problem is None and not columns.count(row.cells) and 2 * columns.count_similar(row.cells) < len(row.cells):
        problem = Problem(where, f"names none of the columns (found {_shorten(row.cells)})", _first_line(columns))
    if problem:
        raise _invalid(path, problem)
    at = {name: index for index, cell in reversed([*enumerate(row.cells)]) if (name := columns.find(cell))}
    ignored = {
        cell: index for index, cell in enumerate(row.cells) if columns.find(cell) is None and columns.ignores(cell)
    }
    return Header(row, where, separator, at, ignored)


def _invalid(path: Path, problem: Problem) -> ProblemsError:
    return ProblemsError(f"{path.name} is invalid", [problem])


def _first_line(columns: Columns) -> str:
    optional = f"; it may also name {', '.join(columns.optional)}" if columns.optional else ""
    return f"The first line names the columns: {', '.join(columns.required)}{optional}"


def _shorten(cells: Sequence[str]) -> str:
    return ", ".join([*map(repr, cells[:_SHOWN]), *["…"][: len(cells) - _SHOWN > 0]])


def _declared_separator(line: str) -> str | None:
    """Return what a line such as `sep=;` declares, as spreadsheets write and read it; None for any other line."""
    text = line.strip(" ").strip('"')
    mark = text[len(_DECLARATION) :]
    return mark if text.casefold().startswith(_DECLARATION) and len(mark) == 1 and not mark.isalnum() else None


def _find_separator(where: str, text: str, columns: Columns, declared: str | None) -> tuple[str, Problem | None]:
    """Find the separator by which the header names most columns."""
    cells = {mark: split_line(text, 0, mark).cells for mark in SEPARATORS}
    known = {mark: columns.count(cells[mark]) for mark in SEPARATORS}
    best = max(SEPARATORS, key=lambda mark: (known[mark], columns.count_similar(cells[mark]), len(cells[mark])))
    if declared is not None:
        if declared == best or columns.count(split_line(text, 0, declared).cells) >= known[best]:
            return declared, None
        what = f"is separated by {separator_name(best)}, but a line above declares {separator_name(declared)}"
        return best, Problem(where, what, "Correct or remove that line")
    tied = [mark for mark in SEPARATORS if known[mark] == known[best] and cells[mark] != cells[best]]
    if known[best] and tied:
        names = " as well as by ".join(separator_name(mark) for mark in (best, *tied))
        return best, _mixed(where, f"is separated by {names}")
    other = None if known[best] or columns.count_similar(cells[best]) > 1 else _separator_within(text, columns)
    return best, _mixed(where, f"is separated by {separator_name(other)}") if other else None


def _separator_within(text: str, columns: Columns) -> str | None:
    """Return what separates several names of columns in a text that counts as one cell."""
    for mark in (*SEPARATORS, *_OTHER_SEPARATORS):
        cells = split_line(text, 0, mark).cells
        # one name may have a space in it, such as `image file`
        names = columns.count(cells) if mark == " " else columns.count_similar(cells)
        if len(cells) > 1 and names > 1:
            return mark
    return None


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in re.split("|".join(map(re.escape, SEPARATORS)), cell)]


def _mixed(where: str, what: str) -> Problem:
    return Problem(where, what, "Separate all cells by ',', or all by ';', or all by a tab, outside quotes")


def header_problems(header: Header, columns: Columns) -> Iterator[Problem]:
    """List unknown, missing and repeated columns; one that is near to a missing one explains it."""
    for name, count in Counter(columns.find(cell) for cell in header.row.cells).items():
        if name is not None and count > 1:
            yield Problem(header.where, f"has the column {name} more than once", "Leave one, or rename the others")
    absent = [name for name in columns.known if name not in header.at]
    others = dict.fromkeys(cell for cell in header.row.cells if cell and columns.find(cell) is None)
    meant = {cell: nearest(cell, absent) for cell in others}
    unknown = [cell for cell in others if not columns.ignores(cell)]
    yield from (_unknown(header, cell, meant[cell], columns) for cell in unknown)
    explained = {meant[cell] for cell in unknown} | {columns.find(part) for cell in unknown for part in _parts(cell)}
    for name in columns.required:
        if name in absent and name not in explained:
            yield _missing(header.where, name, [cell for cell in others if meant[cell] == name])


def _unknown(header: Header, cell: str, meant: str | None, columns: Columns) -> Problem:
    what = f"has the unknown column {cell!r}"
    if held := _separator_within(cell, columns):
        return _mixed(header.where, f"{what}: several, separated by {separator_name(held)}")
    if meant in columns.required:
        return Problem(header.where, f"{what} and lacks the column {meant}", f"Did you mean {meant}? Rename it")
    if meant:
        return Problem(header.where, what, f"Did you mean {meant}? Rename it, or {_IGNORE}")
    if present := nearest(cell, columns.known):
        return Problem(header.where, f"{what} beside {present}", f"Remove it, or {_IGNORE}")
    return Problem(header.where, what, f"The columns are {', '.join(columns.known)}; {_IGNORE}")


def _missing(where: str, name: str, similar: Sequence[str]) -> Problem:
    if similar:
        has = ", ".join(map(repr, similar))
        return Problem(where, f"lacks the column {name}, but has {has}", f"Did you mean {name}? Rename it")
    return Problem(where, f"lacks the column {name}", "Add it to the first line")


def unnamed_problems(header: Header, rows: Sequence[Row], columns: Columns) -> Iterator[Problem]:
    """List columns without a name that hold text; a line that ends with a separator makes an empty one."""
    for index, name in enumerate(header.row.cells):
        filled = [row for row in rows if not row.fault and index < len(row.cells) and row.cells[index]]
        if name or not filled or columns.allow_others:
            continue
        first, more = filled[0], f" and {counted(len(filled) - 1, 'other line')}" if len(filled) > 1 else ""
        what = f"has no name for column {index + 1}, which holds {first.cells[index]!r} on line {first.number}{more}"
        yield Problem(header.where, what, f"Name it, or remove it; {_IGNORE}")
