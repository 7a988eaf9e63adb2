"""What the layouts share: finding the data set's folder, the images in a folder, and reading plain masks and CSVs."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from breastseg.data.cases import MaskLayers
from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from breastseg.inference.decode import UInt8Image

IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
# files that desktop systems leave in folders that were looked at
_DESKTOP_FILES = frozenset({"thumbs.db", "desktop.ini"})


def locate(root: Path, entries: Collection[str]) -> Path:
    """Find the data set's folder: `root` itself or its only sub-folder that holds any of `entries`.

    Raises:
        ProblemsError: There is none, or more than one.
    """
    if not root.is_dir():
        mend = "Put the data set there, or set data.root in params.yaml"
        raise ProblemsError("No data", [Problem(root.as_posix(), "is no folder", mend)])
    folders = [folder for folder in (root, *sorted(root.iterdir())) if any((folder / e).exists() for e in entries)]
    if root in folders or len(folders) == 1:
        return folders[0]
    found = f"{len(folders)} folders in it do" if folders else "no folder in it does"
    what = f"holds none of {', '.join(sorted(entries))}, and {found}"
    raise ProblemsError("No data", [Problem(root.as_posix(), what, "Set data.root and data.layout to fit each other")])


def list_images(folder: Path) -> tuple[list[Path], list[Problem]]:
    """List the image files right in `folder`, sorted; any other file there is a problem, hidden ones are not."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and not _is_clutter(p))
    mend = f"Move it elsewhere, or convert it to one of {', '.join(sorted(IMAGE_ENDINGS))}"
    strangers = [f for f in files if f.suffix.lower() not in IMAGE_ENDINGS]
    problems = [Problem(f.as_posix(), "is no image file by its ending", mend) for f in strangers]
    return [f for f in files if f.suffix.lower() in IMAGE_ENDINGS], problems


def read_csv(path: Path, columns: Collection[str], delimiter: str = ",") -> list[dict[str, str]]:
    """Read a CSV in UTF-8, with or without a byte order mark; cells are stripped of blanks around them.

    Raises:
        ProblemsError: The file cannot be read or lacks some of `columns`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, restval="", restkey="")
            lines = [{name: cell.strip() for name, cell in line.items() if name} for line in reader]
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
    except (OSError, ValueError, csv.Error) as error:
        problem = Problem(path.as_posix(), f"cannot be read ({error})", "Restore it, as CSV in UTF-8")
        raise ProblemsError("No data", [problem]) from error
    if missing:
        problem = Problem(path.as_posix(), f"lacks the columns {', '.join(missing)}", "Add them to its first line")
        raise ProblemsError("No data", [problem])
    return lines


def read_plain_mask(image: UInt8Image) -> MaskLayers:
    """Read a mask whose lesion is bright, in any colour, or marked by small numbers.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`. Where any value reaches 128, the lesion is what is 128 and above, so
            that smoothed edges and JPEG noise do not count; else the lesion is what is above 0 (masks of 0 and 1).
    """
    values = image.max(axis=2) if image.ndim == 3 else image  # noqa: PLR2004 - two axes are grey, three are RGB
    half = 128
    return MaskLayers(values >= half if values.max() >= half else values > 0, None)


def _is_clutter(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _DESKTOP_FILES
