"""The layout of BUSI, and of the phantom.

`benign/`, `malignant/`, `normal/` hold `X.png` beside its masks `X_mask.png`, `X_mask_1.png`, …, which are one lesion
map together; a normal has a mask without lesion. (Al-Dhabyani et al., Dataset of breast ultrasound images, Data in
Brief 28, 2020, doi 10.1016/j.dib.2019.104863.)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from breastseg.data.cases import Label, Listing, RawCase
from breastseg.data.layouts.files import folders_of_images, is_image, join_masks, list_images, locate, stem
from breastseg.data.layouts.masks import decode_bright_mask as decode_mask
from breastseg.data.layouts.masks import read_bright_mask as read_mask
from breastseg.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["decode_mask", "find_cases", "read_mask"]

_LABELS: tuple[Label, ...] = ("benign", "malignant", "normal")
_MASK = re.compile(r"(?P<stem>.+)_mask(_\d+)?")
_PUBLISHED_NAME = "Dataset_BUSI_with_GT"


def find_cases(root: Path) -> Listing:
    """List the cases; a case id is the image's file name without its ending.

    The data set is called `busi` where the folder has its published name, else as the folder.

    Raises:
        ProblemsError: `root` is missing or holds no folder named after a label.
    """
    home = locate(root, _LABELS)
    listings = [_read_folder(home / label, label) for label in _LABELS]
    cases = [case for listing in listings for case in listing.cases]
    problems = [problem for listing in listings for problem in listing.problems]
    return Listing(tuple(cases), (*problems, *_misplaced(home)))


def _read_folder(folder: Path, label: Label) -> Listing:
    files, problems = list_images(folder)
    masks: dict[str, list[str]] = {}
    images: list[str] = []
    for file in files:
        match = _MASK.fullmatch(stem(file))
        (masks.setdefault(match["stem"], []) if match else images).append(file)
    joined, unjoined = join_masks(images, masks)
    dataset = "busi" if folder.parent.name == _PUBLISHED_NAME else folder.parent.name
    cases = tuple(RawCase(stem(image), dataset, image, paths, label, None, None) for image, paths in joined)
    return Listing(cases, (*problems, *unjoined))


def _misplaced(home: Path) -> list[Problem]:
    """Tell of images that lie in no label's folder."""
    folders = [path for path in sorted(home.iterdir()) if path.is_dir() and path.name not in _LABELS]
    mend = f"Name the folder {', '.join(_LABELS)}, or move it elsewhere"
    unknown = [found for folder in folders if not folder.name.startswith(".") for found in folders_of_images(folder)]
    loose = [path.as_posix() for path in sorted(home.iterdir()) if path.is_file() and is_image(path.name)]
    where = f"Move it into the folder of its label ({', '.join(_LABELS)}), or elsewhere"
    return [
        *(Problem(found, "holds images of an unknown label", mend) for found in unknown),
        *(Problem(image, "is an image outside the folders of the labels", where) for image in loose),
    ]
