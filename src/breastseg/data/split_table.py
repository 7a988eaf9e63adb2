"""The split table: which fold and which subset each case is in. Whoever reads it needs nothing of how it was drawn."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, get_args

from breastseg.data.csv_file import write_csv
from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Subset = Literal["train", "val", "test", "unused"]
SUBSETS: tuple[Subset, ...] = get_args(Subset)


@dataclass(frozen=True)
class SplitRow:
    """One case's place.

    Attributes:
        case_id: The case.
        group: The smallest case id among those that may not be parted from this case.
        fold: The fold whose test set holds the case, from 0.
        subset: `test` in the chosen fold, else `train` or `val`; `unused` is what a learning curve leaves out of
            `train`.
    """

    case_id: str
    group: str
    fold: int
    subset: Subset


def write_split(rows: Sequence[SplitRow], path: Path) -> None:
    """Write the split table as CSV with the columns `case_id`, `group`, `fold`, `subset`."""
    write_csv(SplitRow, rows, path)


def read_split(path: Path) -> list[SplitRow]:
    """Read the split table in the order of the file.

    Raises:
        BreastsegError: The file is missing or no split table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = [_split_row(line) for line in reader]
            columns = reader.fieldnames
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise BreastsegError(f"{path} cannot be read as a split table ({error}). Run `dvc repro split`") from error
    if columns != [field.name for field in fields(SplitRow)]:
        raise BreastsegError(f"{path} has other columns than a split table. Run `dvc repro split`")
    return rows


def _split_row(line: dict[str, str]) -> SplitRow:
    subsets: dict[str, Subset] = {name: name for name in SUBSETS}
    return SplitRow(line["case_id"], line["group"], int(line["fold"]), subsets[line["subset"]])
