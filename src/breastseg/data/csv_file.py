"""Small CSV files that appear only once they are complete, with the same bytes on every system."""

from __future__ import annotations

import csv
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from breastseg.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from _typeshed import DataclassInstance


def write_csv(type_: type[DataclassInstance], rows: Iterable[DataclassInstance], path: Path) -> None:
    """Write a header with the field names of `type_`, then a line a row; UTF-8, lines end with a line feed."""
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(type_)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
