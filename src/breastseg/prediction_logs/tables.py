"""Keeps the queue, and labelled answers, in files between two commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.data.csv_file import write_csv
from breastseg.errors import BreastsegError
from breastseg.evaluation.csv_records import read_records
from breastseg.prediction_logs.queue import Wish
from breastseg.prediction_logs.truth import Labelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from _typeshed import DataclassInstance


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
    """Read what `write_queue` wrote; errors as of `read_records`."""
    return read_records(Wish, path, "queue", mend="Run `breastseg monitor queue` again")


def read_labelled(path: Path) -> list[Labelled]:
    """Read what `write_labelled` wrote; errors as of `read_records`."""
    return read_records(Labelled, path, "file of labelled answers", mend="Run `breastseg monitor label` again")


def _write(type_: type[DataclassInstance], rows: Iterable[DataclassInstance], path: Path) -> None:
    try:
        write_csv(type_, rows, path)
    except OSError as error:
        raise BreastsegError(f"Cannot write {path} ({error.strerror}). Name with --out a file that can be") from error
