"""What layouts share about folders: finding the data set, listing its images, joining them with their masks."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING

from breastseg.errors import Problem, ProblemsError
from breastseg.inference.decode import IMAGE_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

# an image and its masks
Joined = tuple[str, tuple[str, ...]]

# files that desktop systems leave in folders that were looked at
_DESKTOP_FILES = frozenset({"thumbs.db", "desktop.ini"})


def locate(root: Path, entries: Collection[str]) -> Path:
    """Find the data set's folder: `root` itself, or its only sub-folder that holds any of `entries`.

    Raises:
        ProblemsError: There is none, or more than one.
    """
    if not root.is_dir():
        mend = "Put the data set there, or set data.root in the params file"
        raise ProblemsError("No data", [Problem(root.as_posix(), "is no folder", mend)])
    if _holds(root, entries):
        return root
    homes = [folder for folder in sorted(root.iterdir()) if _holds(folder, entries)]
    if len(homes) == 1:
        return homes[0]
    found = f"{len(homes)} folders in it do" if homes else "so does no folder in it"
    what = f"does not hold {' or '.join(sorted(entries))} itself; {found}"
    raise ProblemsError("No data", [Problem(root.as_posix(), what, "Set data.root and data.layout to fit each other")])


def list_images(folder: Path) -> tuple[list[str], list[Problem]]:
    """List the image files right in `folder`, sorted.

    Any other file there is a problem, and so is a folder with images below it; what is hidden is not. A folder that is
    not there holds no images.
    """
    if not folder.is_dir():
        return [], []
    # a scan tells files from folders without a question to the disk for each
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file() and not _is_clutter(entry.name))
    start = f"{folder.as_posix()}/"
    nested = [found for found in folders_of_images(folder) if found != folder.as_posix()]
    mend = f"Move it elsewhere, or convert it to one of {', '.join(sorted(IMAGE_ENDINGS))}"
    strangers = [name for name in names if not is_image(name)]
    problems = [Problem(start + name, "is no image file by its ending", mend) for name in strangers]
    mend = f"Move its files right into {folder.as_posix()}, or the folder elsewhere"
    problems += [Problem(found, "holds images in a folder within an image folder", mend) for found in nested]
    return [start + name for name in names if is_image(name)], problems


def folders_of_images(folder: Path) -> list[str]:
    """List `folder` and what is below it, at any depth, where images lie right in it; nothing hidden counts."""
    found = []
    for path, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not _is_clutter(name))
        if any(is_image(name) for name in names):
            found.append(PurePath(path).as_posix())
    return found


def is_image(name: str) -> bool:
    """Tell an image file by its ending; hidden files are none."""
    return PurePath(name).suffix.lower() in IMAGE_ENDINGS and not _is_clutter(name)


def stem(path: str) -> str:
    """Give the file name without its ending."""
    return PurePath(path).stem


def group_masks(masks: Iterable[str], image_stem: Callable[[str], str] = stem) -> dict[str, list[str]]:
    """Gather the masks of each image, by its stem; `image_stem` tells it of a mask, by default the mask's own."""
    groups: dict[str, list[str]] = {}
    for mask in masks:
        groups.setdefault(image_stem(mask), []).append(mask)
    return groups


def join_masks(images: Sequence[str], masks: Mapping[str, Sequence[str]]) -> tuple[list[Joined], list[Problem]]:
    """Join images with their masks.

    Args:
        images: The image files.
        masks: The mask files, by the stem of their image.

    Returns:
        Images that have masks, with them; a problem for every image without a mask and mask without an image.
    """
    stems = {stem(image) for image in images}
    orphans = [mask for name, files in masks.items() if name not in stems for mask in files]
    bare = [image for image in images if stem(image) not in masks]
    problems = [Problem(mask, "is a mask without an image", "Add the image or remove it") for mask in orphans]
    mend = "Add the mask (all black where there is no lesion) or remove the image"
    problems += [Problem(image, "is an image without a mask", mend) for image in bare]
    return [(image, tuple(masks[stem(image)])) for image in images if stem(image) in masks], problems


def _holds(folder: Path, entries: Collection[str]) -> bool:
    return any((folder / entry).exists() for entry in entries)


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.lower() in _DESKTOP_FILES
