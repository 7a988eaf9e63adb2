"""The layout for anybody's own images: a `cases.csv` beside or above them; docs/data.md shows one."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.data.cases import Listing, RawCase
from breastseg.data.csv_tables.header import Columns
from breastseg.data.csv_tables.table import read_csv
from breastseg.data.image_names import is_image, stem
from breastseg.data.layouts.files import locate_table, same_names
from breastseg.data.layouts.labels import parse_label, unknown_label
from breastseg.data.layouts.masks import decode_bright_mask as decode_mask
from breastseg.data.layouts.masks import read_bright_mask as read_mask
from breastseg.errors import Problem, ProblemsError
from breastseg.folders import NameLookup, file_fault, name_fault, nfc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breastseg.data.csv_tables.table import CsvTable, Line

__all__ = ["decode_mask", "find_cases", "read_mask"]

_TABLE = "cases.csv"
_BETWEEN_MASKS = ";"
# what R, pandas and spreadsheets write for a missing value: one patient of all these rows would be wrong
_MISSING = frozenset({"na", "n/a", "#n/a", "<na>", "nan", "none", "null", "unknown", "-", "?"})
_COLUMNS = Columns(
    required=("image", "masks", "label"),
    optional=("case_id", "dataset", "patient", "device", "birads"),
    list_column="masks",
)


def find_cases(root: Path) -> Listing:
    """List the lines of `cases.csv`.

    Columns: `image`; `masks` (separated by `;`, empty where there is no lesion); `label` (empty is unknown); and,
    where known, `case_id` (else the image's file name without its ending), `dataset`, `patient`, `device`, `birads`.
    Paths are relative to the CSV. Columns that start with `x_` are ignored.

    Raises:
        ProblemsError: `root` is missing or holds no `cases.csv`, or the columns of that are unknown or missing; the
            problems of its lines are listed too.
    """
    path = locate_table(root, _TABLE)
    home, names = path.parent, NameLookup()
    cases: list[RawCase] = []
    problems: list[Problem] = []
    table = read_csv(path, _COLUMNS)
    for line in table.lines:
        found = _read_line(home, names, line, table.separator)
        if isinstance(found, RawCase):
            cases.append(found)
        else:
            problems += found
    problems += _repeated_images(cases, home)
    problems += _find_hidden_masks(table)
    if table.problems:
        raise ProblemsError(f"{_TABLE} is invalid", [*table.problems, *problems])
    return Listing(tuple(cases), tuple(problems))


def _repeated_images(cases: Sequence[RawCase], home: Path) -> list[Problem]:
    """Name the images of several lines: each case would have a part of the masks."""
    counts = Counter(case.image for case in cases)
    fix = "List all masks of an image on one line"
    what = "is the image of {} lines of " + (home / _TABLE).as_posix()
    return [Problem(image, what.format(count), fix) for image, count in counts.items() if count > 1]


def _read_line(home: Path, names: NameLookup, line: Line, separator: str) -> RawCase | list[Problem]:
    if line.fault:
        return [line.fault]
    if not line.cells.keys() >= {*_COLUMNS.required}:
        # the header's problem says so
        return []
    shifted = _find_shifted(line, separator)
    return shifted or _read_case(home, names, line.cells, line.where)


def _find_shifted(line: Line, separator: str) -> list[Problem]:
    """Find masks without quotes that shift the cells behind them, where the number of cells fits by chance."""
    if separator != _BETWEEN_MASKS:
        return []
    return [
        Problem(line.where, f"has the image file {line.cells[name]!r} as its {name}", "Quote masks that hold ';'")
        for name in _COLUMNS.optional
        # the file name of the image itself is a fine case id
        if name in line.cells and is_image(line.cells[name]) and line.cells[name] != Path(line.cells["image"]).name
    ]


def _find_hidden_masks(table: CsvTable) -> list[Problem]:
    """Find masks without quotes of which the last ones lie in the user's own columns, where nothing reads them.

    A column of image files on every line is meant to be one.
    """
    if table.separator != _BETWEEN_MASKS:
        return []
    lines = [line for line in table.lines if not line.fault]
    own = lines[0].ignored if lines else {}
    mixed = [name for name in own if not all(is_image(line.ignored[name]) for line in lines)]
    fix = "Quote masks that hold ';'; if the column is meant to hold images, separate the cells by commas"
    return [
        Problem(line.where, f"has the image file {line.ignored[name]!r} in the column {name}, which is ignored", fix)
        for line in lines
        for name in mixed
        if is_image(line.ignored[name])
    ]


def _read_case(home: Path, names: NameLookup, line: Mapping[str, str], where: str) -> RawCase | list[Problem]:
    masks = [name.strip() for name in line["masks"].split(_BETWEEN_MASKS) if name.strip()]
    found = [_find(home, names, name, where) for name in (line["image"], *masks) if name]
    problems = [problem for problem in found if isinstance(problem, Problem)]
    label = parse_label(line["label"] or "unknown")
    if label is None:
        problems.append(unknown_label(where, line["label"]))
    if line.get("patient", "").casefold() in _MISSING:
        problems.append(Problem(where, f"has the patient {line['patient']!r}", "Leave the cell empty if it is unknown"))
    if not line["image"]:
        what = "has masks without an image" if masks else "has no image"
        problems.append(Problem(where, what, "Fill the column image or remove the line"))
    if label is None or problems:
        return problems
    image, *paths = [path for path in found if isinstance(path, str)]
    # a patient is one patient, however an editor composed the accents
    values = (nfc(line.get(name, "")) for name in ("case_id", "dataset", "patient", "device", "birads"))
    case_id, dataset, patient, device, birads = values
    return RawCase(
        case_id or stem(image),
        dataset or "table",
        image,
        tuple(paths),
        label,
        patient or None,
        device or None,
        birads=birads or None,
    )


def _find(home: Path, names: NameLookup, name: str, where: str) -> str | Problem:
    """Return the path of the file that a cell names, or what is wrong with it."""
    path = (home / name).as_posix()
    if any(Path(name).is_relative_to(folder) for folder in (home.absolute(), home.resolve())):
        return Problem(where, f"names {path}, an absolute path", "Write it relative to the CSV")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        # DVC watches the folder and would not notice a change in another place
        return Problem(where, f"names {path}, outside its folder", f"Move it into {home.as_posix()}")
    if fault := name_fault(name):
        return Problem(where, f"names {path}, which {fault}", "Rename it")
    found = names.find(home.as_posix(), name)
    if len(found) > 1:
        twins = [os.path.relpath(path, home) for path in found]
        return Problem(where, f"names a path that is {same_names(twins)}", "Keep one of them, or rename one")
    if fault := file_fault(found[0]):
        return Problem(found[0], f"{fault}, but {where} names it", "Restore the file or fix the line")
    return found[0]
