"""The layout of BUSI, and of the phantom.

`benign/`, `malignant/`, `normal/` hold `X.png` beside its masks `X_mask.png`, `X_mask_1.png`, …, which are one lesion
map together; a normal has a mask without lesion. (Al-Dhabyani et al., Dataset of breast ultrasound images, Data in
Brief 28, 2020, doi 10.1016/j.dib.2019.104863.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.data.cases import Label, Listing, RawCase
from breastseg.data.image_names import image_stem_of_mask, is_image, stem
from breastseg.data.layouts.files import join_masks, list_images, locate, survey
from breastseg.data.layouts.masks import decode_bright_mask as decode_mask
from breastseg.data.layouts.masks import read_bright_mask as read_mask
from breastseg.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["decode_mask", "find_cases", "read_mask"]

_LABELS: tuple[Label, ...] = ("benign", "malignant", "normal")
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
        image_stem = image_stem_of_mask(file)
        (images if image_stem is None else masks.setdefault(image_stem, [])).append(file)
    joined, unjoined = join_masks(images, masks)
    dataset = "busi" if folder.parent.name == _PUBLISHED_NAME else folder.parent.name
    cases = tuple(RawCase(stem(image), dataset, image, paths, label, None, None) for image, paths in joined)
    return Listing(cases, (*problems, *unjoined))


def _misplaced(home: Path) -> list[Problem]:
    """List images that lie in no label's folder."""
    found = survey(home, skip=_LABELS)
    mend = f"Name the folder {', '.join(_LABELS)}, or move it to another place"
    loose = [(home / name).as_posix() for name in found.names if is_image(name)]
    where = f"Move it into the folder of its label ({', '.join(_LABELS)}), or to another place"
    return [
        *found.problems,
        *(Problem(folder, "holds images of an unknown label", mend) for folder in found.homes),
        *(Problem(image, "is an image outside the folders of the labels", where) for image in loose),
    ]
