"""The layout of BUSI (Al-Dhabyani et al., Data in Brief 2020, doi 10.1016/j.dib.2019.104863) and of the phantom.

`benign/`, `malignant/`, `normal/` hold `X.png` beside its masks `X_mask.png`, `X_mask_1.png`, …, which are one lesion
map together; a normal has a mask without lesion.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from breastseg.data.cases import Label, Listing, RawCase
from breastseg.data.layouts.files import list_images, locate, read_plain_mask
from breastseg.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["find_cases", "read_mask"]

read_mask = read_plain_mask

_FOLDERS: tuple[Label, ...] = ("benign", "malignant", "normal")
_MASK = re.compile(r"(?P<stem>.+)_mask(_\d+)?")


def find_cases(root: Path) -> Listing:
    """List the cases; a case id is the image's file name without its ending.

    Raises:
        ProblemsError: `root` is missing or holds no class folder.
    """
    home = locate(root, _FOLDERS)
    cases: list[RawCase] = []
    problems: list[Problem] = []
    for label in _FOLDERS:
        if (home / label).is_dir():
            listing = _read_folder(home / label, label)
            cases += listing.cases
            problems += listing.problems
    return Listing(tuple(cases), (*problems, *_unknown_labels(home)))


def _read_folder(folder: Path, label: Label) -> Listing:
    files, problems = list_images(folder)
    matches = {file: _MASK.fullmatch(file.stem) for file in files}
    masks: dict[str, list[Path]] = {}
    for file, match in matches.items():
        if match:
            masks.setdefault(match["stem"], []).append(file)
    images = [file for file, match in matches.items() if not match]
    stems = {image.stem for image in images}
    orphans = [file for stem in masks.keys() - stems for file in masks[stem]]
    problems += [Problem(f.as_posix(), "is a mask without an image", "Add the image or remove it") for f in orphans]
    problems += [_missing_mask(image) for image in images if image.stem not in masks]
    cases = [
        RawCase(image.stem, "busi", image, tuple(masks[image.stem]), label, None, None)
        for image in images
        if image.stem in masks
    ]
    return Listing(tuple(cases), tuple(problems))


def _missing_mask(image: Path) -> Problem:
    mend = f"Add {image.stem}_mask{image.suffix} (all black for a normal) or remove the image"
    return Problem(image.as_posix(), "has no mask", mend)


def _unknown_labels(home: Path) -> list[Problem]:
    folders = [f for f in sorted(home.iterdir()) if f.is_dir() and f.name not in _FOLDERS and not _is_hidden(f)]
    mend = f"Name the folder {', '.join(_FOLDERS)}, or move it elsewhere"
    return [Problem(f.as_posix(), "is an unknown label with images in it", mend) for f in folders if list_images(f)[0]]


def _is_hidden(folder: Path) -> bool:
    return folder.name.startswith(".")
