"""The layout of BUS-UCLM: `images/`, `masks/` (coloured by label) under the same names, and `INFO.csv`.

Vallez et al., BUS-UCLM: breast ultrasound lesion segmentation dataset, Scientific Data 12, 2025,
doi 10.17632/7fvgj4jsp7. The patient is the first four letters of a file name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.data.cases import RawCase
from breastseg.data.csv_tables.header import Columns
from breastseg.data.csv_tables.table import read_valid_csv
from breastseg.data.image_names import stem
from breastseg.data.layouts.described import list_described
from breastseg.data.layouts.files import locate_table
from breastseg.data.layouts.labels import parse_label, unknown_label
from breastseg.data.layouts.masks import decode_bright_mask as decode_mask
from breastseg.data.layouts.masks import read_bright_mask as read_mask

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.data.cases import Listing
    from breastseg.data.csv_tables.table import Line
    from breastseg.data.layouts.files import Joined
    from breastseg.errors import Problem

__all__ = ["decode_mask", "find_cases", "read_mask"]

_TABLE = "INFO.csv"
_COLUMNS = Columns(("Image", "Label"), allow_others=True)
_PATIENT_LETTERS = 4


def find_cases(root: Path) -> Listing:
    """List the cases; a case id is the image's file name without its ending.

    Raises:
        ProblemsError: `root` is missing, or holds no `INFO.csv` with the columns that are needed.
    """
    table = locate_table(root, _TABLE)
    home = table.parent
    lines = read_valid_csv(table, _COLUMNS).lines
    named = [(stem(line.cells["Image"]), line) for line in lines]
    return list_described((home / "images", home / "masks"), table, named, _read_case)


def _read_case(pair: Joined, line: Line) -> RawCase | Problem:
    image, masks = pair
    label = parse_label(line.cells["Label"])
    if label is None:
        return unknown_label(image, line.cells["Label"])
    return RawCase(stem(image), "bus_uclm", image, masks, label, stem(image)[:_PATIENT_LETTERS], None)
