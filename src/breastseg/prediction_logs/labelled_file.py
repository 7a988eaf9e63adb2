"""Keeps labelled answers in a file between two commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.data.csv_file import write_csv
from breastseg.errors import BreastsegError
from breastseg.evaluation.csv_records import read_records
from breastseg.prediction_logs.truth import Labelled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write_labelled(rows: Sequence[Labelled], path: Path) -> None:
    """Write a line an answer.

    Raises:
        BreastsegError: The file cannot be written.
    """
    try:
        write_csv(Labelled, rows, path)
    except OSError as error:
        raise BreastsegError(f"Cannot write {path} ({error.strerror}). Name with --out a file that can be") from error


def read_labelled(path: Path) -> list[Labelled]:
    """Read what `write_labelled` wrote; errors as of `read_records`."""
    return read_records(Labelled, path, "file of labelled answers", mend="Run `breastseg monitor label` again")
