"""What layouts share about folders: finding the data set, listing its images, joining them with their masks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.data.image_names import is_clutter, is_image, stem
from breastseg.errors import Problem, ProblemsError
from breastseg.folders import file_fault, folder_fault, is_utf8, name_fault, nfc, walk
from breastseg.inference.decode import IMAGE_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from breastseg.folders import Entry

# an image and its masks
Joined = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Survey:
    """What a folder holds.

    Attributes:
        names: The files right in it, sorted.
        homes: The folders below it, at any depth, with images right in them, sorted.
        problems: What keeps folders from being looked into, and links that may have led to some.
    """

    names: list[str]
    homes: list[str]
    problems: list[Problem]


def locate(root: Path, entries: Collection[str]) -> Path:
    """Find the data set's folder: `root` itself, or its only sub-folder that holds any of `entries`.

    A link beside that sub-folder which leads to it does not count.

    Raises:
        ProblemsError: There is none, or more than one; or its name cannot be written to tables.
    """
    where = root.as_posix()
    if not is_utf8(where):
        raise _no_data(where, "has a name that is not UTF-8", "Rename it")
    if fault := folder_fault(where):
        raise _no_data(where, fault, "Put the data set there, or set data.root in the params file")
    home = root if _holds(where, entries) else _only_home(where, entries)
    if fault := name_fault(home.name):
        raise _no_data(home.as_posix(), fault, "Rename it")
    return home


def locate_table(root: Path, name: str) -> Path:
    """Find the data set's folder by its CSV, and return the CSV's path.

    Raises:
        ProblemsError: As `locate`; or the CSV is not a file.
    """
    table = locate(root, [name]) / name
    if fault := file_fault(table.as_posix()):
        raise _no_data(table.as_posix(), fault, "Restore it, as CSV in UTF-8")
    return table


def list_images(folder: Path) -> tuple[list[str], list[Problem]]:
    """List the image files right in `folder`, sorted.

    Any other file there is a problem, and so is a folder with images below it; what is hidden is not. A folder that is
    not there holds no images. What is found when a file is opened, such as that a link leads nowhere, comes later.
    """
    where = folder.as_posix()
    if not os.path.lexists(where):
        return [], []
    if fault := folder_fault(where):
        return [], [Problem(where, fault, "Put the folder there, or remove it")]
    found = survey(folder)
    reported = {problem.path for problem in found.problems}
    mend = f"Move it to another folder, or convert it to one of {', '.join(sorted(IMAGE_ENDINGS))}"
    strangers = [f"{where}/{name}" for name in found.names if not is_image(name)]
    problems = [Problem(path, "is no image file by its ending", mend) for path in strangers if path not in reported]
    mend = f"Move its files right into {where}, or move the folder to another place"
    problems += [Problem(home, "holds images in a folder within an image folder", mend) for home in found.homes]
    images = [name for name in found.names if is_image(name)]
    problems += [Problem(f"{where}/{name}", fault, "Rename it") for name in images if (fault := name_fault(name))]
    problems += _twins(where, images)
    return [f"{where}/{name}" for name in images if not name_fault(name)], [*problems, *found.problems]


def survey(folder: Path, skip: Collection[str] = ()) -> Survey:
    """Look through a folder and all below it, links to folders too; nothing hidden counts.

    Args:
        folder: The folder.
        skip: Names right in it to leave out.
    """
    where = folder.as_posix()
    names: list[str] = []
    homes: set[str] = set()
    problems: list[Problem] = []
    for entry in walk(where, follow=True, skip=skip):
        within, _, name = entry.name.rpartition("/")
        if entry.file and not within and not is_clutter(name):
            names.append(name)
        if entry.file and within and is_image(name):
            homes.add(f"{where}/{within}")
        elif entry.fault and not (entry.file and is_image(name)):
            problems.append(_problem(where, entry))
    return Survey(sorted(names), sorted(homes), problems)


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


def _no_data(path: str, what: str, mend: str) -> ProblemsError:
    return ProblemsError("No data", [Problem(path, what, mend)])


def _only_home(root: str, entries: Collection[str]) -> Path:
    try:
        folders = sorted(f"{root}/{name}" for name in os.listdir(root))  # noqa: PTH208 - only the names are needed
    except OSError as error:
        raise _no_data(root, f"cannot be listed ({error.strerror})", "Look at its permissions") from error
    homes = [folder for folder in folders if _holds(folder, entries)]
    # a link comes after what it leads to
    homes.sort(key=os.path.islink)
    places = {os.path.realpath(home): home for home in reversed(homes)}
    if len(places) == 1:
        return Path(*places.values())
    found = f"{len(places)} folders in it do" if places else "so does no folder in it"
    what = f"does not hold {' or '.join(sorted(entries))} itself; {found}"
    raise _no_data(root, what, "Set data.root and data.layout to fit each other")


def _holds(folder: str, entries: Collection[str]) -> bool:
    # also what leads nowhere, which is reported then
    return any(os.path.lexists(f"{folder}/{entry}") for entry in entries)


def _problem(where: str, entry: Entry) -> Problem:
    mend = "Look at its permissions" if entry.error else "Remove the link, or let it lead to what it stands for"
    return Problem(f"{where}/{entry.name}".rstrip("/"), entry.fault, mend)


def _twins(where: str, names: Iterable[str]) -> list[Problem]:
    """Name files whose names are equal in Unicode's form NFC, by which images and masks are joined."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(nfc(name), []).append(name)
    mend = "Keep one of them, or rename one"
    return [
        Problem(f"{where}/{name}", f"has a name that is {same_names(twins)}", mend)
        for twins in alike.values()
        if len(twins) > 1
        for name in twins
    ]


def same_names(names: Iterable[str]) -> str:
    """Say that names are equal in the form NFC; escaped, because in print they look alike."""
    return f"equal to another once accents are composed: {' and '.join(map(ascii, names))}"
