"""Keeps the queue, and labelled answers, in files between two commands."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from breastseg.data.csv_file import write_csv
from breastseg.data.csv_tables.header import Columns
from breastseg.data.csv_tables.table import read_csv
from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.csv_records import parse_records
from breastseg.prediction_logs.queue import Wish
from breastseg.prediction_logs.truth import Labelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def write_queue(wishes: Sequence[Wish], path: Path) -> None:
    """Write a line an image.

    Raises:
        BreastsegError: The file cannot be written.
    """
    _write(Wish, wishes, path)


def write_labelled(rows: Sequence[Labelled], path: Path) -> None:
    """Write a line an answer; errors as of `write_queue`."""
    _write(Labelled, rows, path)


def read_queue(path: Path) -> list[Wish]:
    """Read what `write_queue` wrote. Columns may stand in any order; those that start with `x_` are ignored.

    Raises:
        ProblemsError: The file is missing, or anything in it is invalid; all of it is listed.
    """
    return _read(Wish, path, "queue", mend="Run `breastseg monitor queue` again")


def read_labelled(path: Path) -> list[Labelled]:
    """Read what `write_labelled` wrote; see `read_queue`."""
    return _read(Labelled, path, "file of labelled answers", mend="Run `breastseg monitor label` again")


def _read(type_: type[T], path: Path, name: str, mend: str) -> list[T]:
    """Read a file that people may have edited, or saved by a spreadsheet, since it was written."""
    title = f"The {name} is invalid. Correct it, or: {mend}"
    try:
        table = read_csv(path, Columns(tuple(field.name for field in fields(type_))))
    except ProblemsError as error:
        raise ProblemsError(title, error.problems) from error
    problems = [*table.problems, *table.faults]
    sound = [] if table.problems else [(line.where, line.cells) for line in table.lines if not line.fault]
    records = parse_records(type_, sound, "Correct the cell", problems)
    if problems:
        raise ProblemsError(title, problems)
    return records


def _write(type_: type[DataclassInstance], rows: Iterable[DataclassInstance], path: Path) -> None:
    try:
        write_csv(type_, rows, path)
    except OSError as error:
        raise BreastsegError(f"Cannot write {path} ({error.strerror}). Name with --out a file that can be") from error
