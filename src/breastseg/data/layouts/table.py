"""The layout for anybody's own images: a `cases.csv` beside or above them; docs/data.md shows one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.data.cases import Listing, RawCase
from breastseg.data.layouts.csv_lines import parse_label, read_csv, unknown_label
from breastseg.data.layouts.files import locate, stem
from breastseg.data.layouts.masks import read_bright_mask as read_mask
from breastseg.errors import Problem
from breastseg.inference.decode import decode_image as decode_mask

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["decode_mask", "find_cases", "read_mask"]

_TABLE = "cases.csv"
_REQUIRED = ("image", "masks", "label")


def find_cases(root: Path) -> Listing:
    """List the lines of `cases.csv`.

    Columns: `image`; `masks` (separated by `;`, empty where there is no lesion); `label` (empty is unknown); and,
    where known, `case_id` (else the image's file name without its ending), `dataset`, `patient`, `device`, `birads`.
    Paths are relative to the CSV.

    Raises:
        ProblemsError: `root` is missing, or holds no `cases.csv` with the columns that are needed.
    """
    home = locate(root, [_TABLE])
    cases: list[RawCase] = []
    problems: list[Problem] = []
    for line in read_csv(home / _TABLE, _REQUIRED):
        found = [line.fault] if line.fault else _read_case(home, line.cells, line.where)
        if isinstance(found, RawCase):
            cases.append(found)
        else:
            problems += found
    return Listing(tuple(cases), tuple(problems))


def _read_case(home: Path, line: Mapping[str, str], where: str) -> RawCase | list[Problem]:
    masks = [name.strip() for name in line["masks"].split(";") if name.strip()]
    problems = [problem for name in (line["image"], *masks) if name and (problem := _unusable(home, name, where))]
    label = parse_label(line["label"] or "unknown")
    if label is None:
        problems.append(unknown_label(where, line["label"]))
    if not line["image"]:
        what = "has masks without an image" if masks else "has no image"
        problems.append(Problem(where, what, "Fill the column image or remove the line"))
    if label is None or problems:
        return problems
    image = (home / line["image"]).as_posix()
    patient, device, birads = (line.get(name) or None for name in ("patient", "device", "birads"))
    case_id, dataset = line.get("case_id") or stem(image), line.get("dataset") or "table"
    paths = tuple((home / name).as_posix() for name in masks)
    return RawCase(case_id, dataset, image, paths, label, patient, device, birads=birads)


def _unusable(home: Path, name: str, where: str) -> Problem | None:
    path = home / name
    if any(Path(name).is_relative_to(folder) for folder in (home.absolute(), home.resolve())):
        return Problem(where, f"names {path.as_posix()}, an absolute path", "Write it relative to the CSV")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        # DVC watches the folder and would not notice a change elsewhere
        return Problem(where, f"names {path.as_posix()}, outside its folder", f"Move it into {home.as_posix()}")
    if not path.is_file():
        return Problem(path.as_posix(), f"is missing, but {where} names it", "Add the file or mend the line")
    return None
