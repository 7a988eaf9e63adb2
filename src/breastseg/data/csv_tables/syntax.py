"""Syntax of CSV files that people edit: encoding, separators, quotes, lines."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from pathlib import Path

# what starts a file that is something other than UTF-8; spreadsheets offer these formats beside CSV
_OTHER_FORMATS = {
    b"\xff\xfe": "UTF-16 (Unicode text), not UTF-8",
    b"\xfe\xff": "UTF-16 (Unicode text), not UTF-8",
    b"PK\x03\x04": "an Excel workbook or a ZIP archive, not text",
    b"\xd0\xcf\x11\xe0": "an Excel workbook, not text",
}
_SAVE = "Save it as CSV in UTF-8"
# a quoted cell of several lines is named as such up to here; beyond, each line is at fault by itself
_MOST_LINES_OF_A_CELL = 20
# joiners that Persian and the languages of India write with
_VISIBLE_JOINERS = "\u200c\u200d"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line, and how to fix it."""

    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        number: Its (first) line in the file, from 1, as an editor counts.
        cells: Text without the blanks around it; those before the fault, where there is one.
        fault: Why the cells cannot be trusted, or None.
    """

    number: int
    cells: tuple[str, ...]
    fault: Fault | None


_UNCLOSED = Fault("has a quote that is not closed on the same line", "Close it, or remove it; a cell has no line break")
_STRAY = Fault(
    "has a quote inside a cell", 'Remove it, or quote the whole cell and double the quote in it: "5"" probe"'
)


def separator_name(separator: str) -> str:
    """Name a separator in a sentence: a tab and a space cannot be seen."""
    return {"\t": "a tab", " ": "a space"}.get(separator, f"{separator!r}")


def read_lines(path: Path) -> list[str]:
    r"""Read the lines of a text file in UTF-8, with or without a byte order mark.

    A line ends with `\n`, `\r\n` or `\r`, as in editors.

    Raises:
        ProblemsError: The file cannot be read, or is not UTF-8 text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, path.as_posix(), error.strerror or str(error), "Restore it") from error
    for start, name in _OTHER_FORMATS.items():
        if data.startswith(start):
            raise _unreadable(path, path.as_posix(), f"it is {name}", _SAVE)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # `error.start` does not count a byte order mark, which has no line break
        where = f"{path.as_posix()}:{len(_split_lines(error.object[: error.start].decode()))}"
        raise _unreadable(path, where, f"the byte 0x{error.object[error.start]:02x} is not UTF-8", _SAVE) from error
    lines = _split_lines(text)
    if (number := next((number for number, line in enumerate(lines, start=1) if "\0" in line), None)) is not None:
        raise _unreadable(path, f"{path.as_posix()}:{number}", "it has NUL bytes (is it UTF-16?)", _SAVE)
    return lines


def _split_lines(text: str) -> list[str]:
    # `str.splitlines` also splits at characters that are no line break to an editor
    return re.split(r"\r\n|\n|\r", text)


def _unreadable(path: Path, where: str, reason: str, fix: str) -> ProblemsError:
    return ProblemsError(f"{path.name} is invalid", [Problem(where, f"cannot be read: {reason}", fix)])


def split_rows(lines: Sequence[str], start: int, separator: str, widths: Container[int]) -> list[Row]:
    """Split lines into rows; those without any text are left out.

    Each line is split by itself, so that a quote without its partner takes no other line with it.

    Args:
        lines: All lines of the file.
        start: Index of the first one to split.
        separator: One character.
        widths: How many cells a row may have.
    """
    rows = []
    index = start
    while index < len(lines):
        row = split_line(lines[index], index + 1, separator)
        end = _last_line_of_cell(lines, index, separator, widths) if row.fault is _UNCLOSED else index
        if end > index:
            fault = Fault(f"has a line break in a quoted cell, which ends on line {end + 1}", "Write it on one line")
            row = Row(row.number, row.cells, fault)
        if row.fault or any(row.cells):
            rows.append(row)
        index = end + 1
    return rows


def split_line(line: str, number: int, separator: str) -> Row:
    """Split one line, by RFC 4180 without line breaks in cells; blanks around a cell or its quotes do not count."""
    cells: list[str] = []
    fault = _find_invisible(line)
    for match in _cell_pattern(separator).finditer(line):
        plain, quoted, end = match["plain"], match["quoted"], match["end"]
        if not end and match.end() < len(line):
            fault = _UNCLOSED if plain is not None and not plain.strip() else _STRAY
            break
        cells.append((plain if quoted is None else quoted.replace('""', '"')).strip())
        if not end:
            break
    return Row(number, tuple(cells), fault)


@cache
def _cell_pattern(separator: str) -> re.Pattern[str]:
    mark = re.escape(separator)
    blanks = rf"(?:(?!{mark})\s)*"
    # possessive: the last of an odd number of quotes closes nothing
    cell = rf'{blanks}"(?P<quoted>(?:[^"]|"")*+)"{blanks}|(?P<plain>[^"{mark}]*)'
    return re.compile(rf"(?:{cell})(?P<end>{mark}|)")


def _find_invisible(line: str) -> Fault | None:
    """Find what no editor shows: two patients would differ by it without a visible difference."""
    if line.isprintable():
        return None
    for character in line:
        category = unicodedata.category(character)
        if category in {"Cc", "Cf", "Zl", "Zp"} and character not in {"\t", "\n", *_VISIBLE_JOINERS}:
            return Fault(f"has the invisible character U+{ord(character):04X}", "Remove it, or type the line again")
    return None


def _last_line_of_cell(lines: Sequence[str], index: int, separator: str, widths: Container[int]) -> int:
    """Return the index of the line that a cell opened at `index` goes on to.

    That is `index` itself where a row stands in between: the quote is a stray one then, and the rows count.
    """
    for end in range(index + 1, min(len(lines), index + _MOST_LINES_OF_A_CELL)):
        alone = split_line(lines[end], end + 1, separator)
        if alone.fault is None and len(alone.cells) in widths:
            break
        joined = split_line("\n".join(lines[index : end + 1]), index + 1, separator)
        if joined.fault is None and len(joined.cells) in widths:
            return end
        if joined.fault is not _UNCLOSED:
            break
    return index
