"""The layout of BUS-BRA: `Images/`, `Masks/mask_*`, and `bus_data.csv` with patient, pathology, BI-RADS and device.

Gómez-Flores et al., BUS-BRA: a breast ultrasound dataset for assessing computer-aided diagnosis systems, Medical
Physics 51, 2024, doi 10.1002/mp.16812.
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
from breastseg.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.data.cases import Listing
    from breastseg.data.csv_tables.table import Line
    from breastseg.data.layouts.files import Joined

__all__ = ["decode_mask", "find_cases", "read_mask"]

_TABLE = "bus_data.csv"
_COLUMNS = Columns(("ID", "Case", "Pathology", "BIRADS", "Device"), allow_others=True)
# an image `bus_0020-l.png` has the mask `mask_0020-l.png`
_IMAGE, _MASK = "bus_", "mask_"


def find_cases(root: Path) -> Listing:
    """List the cases; a case id is the image's file name without its ending, as in the column `ID`.

    Raises:
        ProblemsError: `root` is missing, or holds no `bus_data.csv` with the columns that are needed.
    """
    table = locate_table(root, _TABLE)
    home = table.parent
    lines = read_valid_csv(table, _COLUMNS).lines
    named = [(line.cells["ID"], line) for line in lines]
    return list_described((home / "Images", home / "Masks"), table, named, _read_case, _image_stem)


def _image_stem(mask: str) -> str:
    return _IMAGE + stem(mask).removeprefix(_MASK)


def _read_case(pair: Joined, line: Line) -> RawCase | Problem:
    image, masks = pair
    label = parse_label(line.cells["Pathology"])
    if label is None:
        return unknown_label(image, line.cells["Pathology"])
    patient, device, birads = (line.cells[name] or None for name in ("Case", "Device", "BIRADS"))
    if patient is None:
        # its other breast might end up on the other side of the split
        return Problem(image, "has no patient in the column Case", f"Restore {_TABLE}")
    return RawCase(stem(image), "bus_bra", image, masks, label, patient, device, birads=birads)
