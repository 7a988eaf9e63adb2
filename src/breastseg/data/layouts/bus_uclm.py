"""The layout of BUS-UCLM: `images/`, `masks/` (coloured by label) under the same names, and `INFO.csv`.

Vallez et al., BUS-UCLM: breast ultrasound lesion segmentation dataset, Scientific Data 12, 2025,
doi 10.17632/7fvgj4jsp7. The patient is the first four letters of a file name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.data.cases import Listing, RawCase
from breastseg.data.layouts.csv_lines import Line, join_lines, parse_label, read_csv, unknown_label
from breastseg.data.layouts.files import Joined, join_masks, list_images, locate, stem
from breastseg.data.layouts.masks import read_bright_mask as read_mask
from breastseg.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["find_cases", "read_mask"]

_TABLE = "INFO.csv"
_PATIENT_LETTERS = 4


def find_cases(root: Path) -> Listing:
    """List the cases; a case id is the image's file name without its ending.

    Raises:
        ProblemsError: `root` is missing, or holds no `INFO.csv` with the columns that are needed.
    """
    home = locate(root, [_TABLE])
    lines = read_csv(home / _TABLE, ("Image", "Label"), delimiter=";")
    images, image_problems = list_images(home / "images")
    masks, mask_problems = list_images(home / "masks")
    joined, unjoined = join_masks(images, {stem(mask): [mask] for mask in masks})
    described, undescribed = join_lines(joined, lines, [stem(line["Image"]) for line in lines], home / _TABLE)
    read = [_read_case(pair, line) for pair, line in described]
    cases = tuple(case for case in read if isinstance(case, RawCase))
    unlabelled = [problem for problem in read if isinstance(problem, Problem)]
    return Listing(cases, (*image_problems, *mask_problems, *unjoined, *undescribed, *unlabelled))


def _read_case(pair: Joined, line: Line) -> RawCase | Problem:
    image, masks = pair
    label = parse_label(line["Label"])
    if label is None:
        return unknown_label(image, line["Label"])
    return RawCase(stem(image), "bus_uclm", image, masks, label, stem(image)[:_PATIENT_LETTERS], None)
