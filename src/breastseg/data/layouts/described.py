"""What layouts share whose images lie in one folder, the masks in another, and whose CSV tells the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from breastseg.data.cases import Listing, RawCase
from breastseg.data.image_names import stem
from breastseg.data.layouts.files import Joined, group_masks, join_masks, list_images
from breastseg.errors import Problem
from breastseg.folders import nfc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from breastseg.data.csv_tables.table import Line


def list_described(
    folders: tuple[Path, Path],
    table: Path,
    lines: Sequence[tuple[str, Line]],
    read_case: Callable[[Joined, Line], RawCase | Problem],
    image_stem: Callable[[str], str] = stem,
) -> Listing:
    """List the cases of two folders and a CSV.

    Args:
        folders: Of the images, and of the masks.
        table: The CSV, for the problems.
        lines: The lines of the CSV, each with the stem of the image that it speaks of.
        read_case: Makes a case of an image with its masks and its line, or tells why there is none.
        image_stem: Gives the stem of a mask's image; the mask's own without it.
    """
    image_files, image_problems = list_images(folders[0])
    mask_files, mask_problems = list_images(folders[1])
    joined, unjoined = join_masks(image_files, group_masks(mask_files, image_stem))
    # patients too are told apart by what the cells say
    composed = [
        (nfc(name), replace(line, cells={column: nfc(cell) for column, cell in line.cells.items()}))
        for name, line in lines
    ]
    described, undescribed = _join_lines(joined, composed, table)
    faults = [line.fault for _, line in lines if line.fault]
    read = [read_case(pair, line) for pair, line in described if not line.fault]
    cases = tuple(case for case in read if isinstance(case, RawCase))
    unread = [problem for problem in read if isinstance(problem, Problem)]
    return Listing(cases, (*image_problems, *mask_problems, *unjoined, *undescribed, *faults, *unread))


def _join_lines(
    joined: Sequence[Joined], lines: Sequence[tuple[str, Line]], table: Path
) -> tuple[list[tuple[Joined, Line]], list[Problem]]:
    """Join images with the one line that speaks of each; a problem for every image and every line left over."""
    stems = {stem(image) for image, _ in joined}
    # of a line at fault, the name may be lost too: its fault is enough
    lines = [(name, line) for name, line in lines if name in stems or not line.fault]
    by_name = dict(lines)
    where = table.as_posix()
    twice = [name for name, count in Counter(name for name, _ in lines).items() if count > 1]
    problems = [Problem(where, f"speaks of {name} more than once", "Leave one line") for name in twice]
    lonely = [name for name in by_name if name not in stems]
    mend = "Add image and mask, or remove the line"
    problems += [Problem(where, f"speaks of {name}, which has no image with a mask", mend) for name in lonely]
    bare = [image for image, _ in joined if stem(image) not in by_name]
    mend = "Add a line for it, or remove image and mask"
    problems += [Problem(image, f"has no line in {table.name}", mend) for image in bare]
    usable = by_name.keys() - {*twice}
    return [(pair, by_name[stem(pair[0])]) for pair in joined if stem(pair[0]) in usable], problems
