"""Records in CSV files, each line checked against its type."""

from __future__ import annotations

import csv
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from breastseg.errors import BreastsegError, Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

_MEND = "Run `dvc repro evaluate`"


def read_records(type_: type[T], path: Path, name: str, mend: str = _MEND) -> list[T]:
    """Read a file exactly as `write_csv` wrote it; an empty cell is None.

    Args:
        type_: A dataclass whose fields are the columns.
        path: The file.
        name: What the file is, for errors.
        mend: How to fix an invalid one.

    Raises:
        BreastsegError: The file is missing, is not CSV, or has other columns.
        ProblemsError: Lines are invalid; all of them are listed.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = next(reader, [])
            # the reader counts the lines, because a row may span several
            lines = [(f"{path}:{reader.line_num}", cells) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BreastsegError(f"{path} cannot be read ({error}). {mend}") from error
    if columns != [field.name for field in fields(type_)]:
        raise BreastsegError(f"{path} has other columns than a {name}. {mend}")
    problems = [
        Problem(where, f"has {len(cells)} cells in {len(columns)} columns", mend)
        for where, cells in lines
        if len(cells) != len(columns)
    ]
    whole = [(where, dict(zip(columns, cells, strict=True))) for where, cells in lines if len(cells) == len(columns)]
    records = parse_records(type_, whole, mend, problems)
    if problems:
        raise ProblemsError(f"The {name} is invalid", problems)
    return records


def parse_records(
    type_: type[T], lines: Iterable[tuple[str, Mapping[str, str]]], mend: str, problems: list[Problem]
) -> list[T]:
    """Make a record of each line; an empty cell is None.

    Args:
        type_: A dataclass whose fields are the columns.
        lines: Where each line stands, and its cells by column.
        mend: How to fix an invalid one.
        problems: What is invalid is added to it.
    """
    adapter, records = TypeAdapter(type_), []
    for where, line in lines:
        try:
            records.append(adapter.validate_python({column: value or None for column, value in line.items()}))
        except ValidationError as error:
            what = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            problems.append(Problem(where, what, mend))
    return records
