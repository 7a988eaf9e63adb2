"""Reads the CSV files of the judgement back, each line checked against its type."""

from __future__ import annotations

import csv
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from breastseg.errors import BreastsegError, Problem, ProblemsError

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_MEND = "Run `dvc repro evaluate`"


def read_records(type_: type[T], path: Path, name: str, mend: str = _MEND) -> list[T]:
    """Read a file that `write_csv` wrote; an empty cell is None.

    Args:
        type_: A dataclass whose fields are the columns.
        path: The file.
        name: What the file is, for errors.
        mend: What to do about one that does not hold.

    Raises:
        BreastsegError: The file is missing or has other columns.
        ProblemsError: Lines that do not hold; all of them are listed.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            lines = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise BreastsegError(f"{path} cannot be read ({error}). {mend}") from error
    if reader.fieldnames != [field.name for field in fields(type_)]:
        raise BreastsegError(f"{path} has other columns than a {name}. {mend}")
    return _parse(type_, lines, path, name, mend)


def _parse(type_: type[T], lines: list[dict[str, str]], path: Path, name: str, mend: str) -> list[T]:
    adapter, records, problems = TypeAdapter(type_), [], []
    for number, line in enumerate(lines, start=2):
        try:
            records.append(adapter.validate_python({column: value or None for column, value in line.items()}))
        except ValidationError as error:
            what = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            problems.append(Problem(f"{path}:{number}", what, mend))
    if problems:
        raise ProblemsError(f"The {name} does not hold", problems)
    return records
