"""What layouts share about folders: finding the data set, listing its images, joining them with their masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
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


def list_images(folder: Path) -> tuple[list[Path], list[Problem]]:
    """List the image files right in `folder`, sorted; any other file there is a problem, hidden ones are not.

    A folder that is not there holds no images.
    """
    if not folder.is_dir():
        return [], []
    files = sorted(path for path in folder.iterdir() if path.is_file() and not _is_clutter(path))
    images = [file for file in files if file.suffix.lower() in IMAGE_ENDINGS]
    mend = f"Move it elsewhere, or convert it to one of {', '.join(sorted(IMAGE_ENDINGS))}"
    strangers = sorted(set(files) - set(images))
    return images, [Problem(file.as_posix(), "is no image file by its ending", mend) for file in strangers]


def join_masks(
    images: Sequence[Path], masks: Mapping[str, Sequence[Path]]
) -> tuple[list[tuple[Path, tuple[Path, ...]]], list[Problem]]:
    """Join images with their masks.

    Args:
        images: The image files.
        masks: The mask files, by the stem of their image.

    Returns:
        Images that have masks, with them; a problem for every image without a mask and mask without an image.
    """
    stems = {image.stem for image in images}
    orphans = [mask for stem, files in masks.items() if stem not in stems for mask in files]
    bare = [image for image in images if image.stem not in masks]
    problems = [
        Problem(mask.as_posix(), "is a mask without an image", "Add the image or remove it") for mask in orphans
    ]
    mend = "Add the mask (all black where there is no lesion) or remove the image"
    problems += [Problem(image.as_posix(), "is an image without a mask", mend) for image in bare]
    return [(image, tuple(masks[image.stem])) for image in images if image.stem in masks], problems


def _holds(folder: Path, entries: Collection[str]) -> bool:
    return any((folder / entry).exists() for entry in entries)


def _is_clutter(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _DESKTOP_FILES
