"""What layouts share about CSV files: reading them, joining their lines with images, telling labels."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

from breastseg.data.cases import LABELS, Label
from breastseg.data.layouts.files import Joined, stem
from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

Line = dict[str, str]
# the first line of a file holds the names of the columns
FIRST_LINE = 2


def read_csv(path: Path, columns: Collection[str], delimiter: str = ",") -> list[Line]:
    """Read a CSV in UTF-8, with or without a byte order mark; blanks around a cell do not count.

    Raises:
        ProblemsError: The file cannot be read, lacks some of `columns`, or has lines with too many cells.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, restkey="", restval="")
            lines = list(reader)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
    except (OSError, ValueError, csv.Error) as error:
        problem = Problem(path.as_posix(), f"cannot be read ({error})", "Restore it, as CSV in UTF-8")
        raise ProblemsError("No data", [problem]) from error
    problems = [Problem(path.as_posix(), f"lacks the column {name}", "Add it to the first line") for name in missing]
    problems += [
        Problem(f"{path.as_posix()}:{number}", "has more cells than columns", "Put cells with the delimiter in quotes")
        for number, line in enumerate(lines, FIRST_LINE)
        if "" in line
    ]
    if problems:
        raise ProblemsError("No data", problems)
    return [{name: cell.strip() for name, cell in line.items()} for line in lines]


def join_lines(
    joined: Sequence[Joined], lines: Sequence[Line], names: Sequence[str], path: Path
) -> tuple[list[tuple[Joined, Line]], list[Problem]]:
    """Join images with what a CSV says about them.

    Args:
        joined: Images with their masks.
        lines: The lines of the CSV.
        names: The stem of the image that each line speaks of.
        path: The CSV, for the problems.

    Returns:
        Images with a line of their own; a problem for every image without one, line without an image, and line
        that speaks of another line's image.
    """
    by_name = dict(zip(names, lines, strict=True))
    stems = {stem(image) for image, _ in joined}
    where = path.as_posix()
    twice = [name for name, count in Counter(names).items() if count > 1]
    problems = [Problem(where, f"speaks of {name} more than once", "Leave one line") for name in twice]
    lonely = [name for name in by_name if name not in stems]
    mend = "Add image and mask, or remove the line"
    problems += [Problem(where, f"speaks of {name}, which has no image with a mask", mend) for name in lonely]
    bare = [image for image, _ in joined if stem(image) not in by_name]
    mend = "Add a line for it, or remove image and mask"
    problems += [Problem(image, f"has no line in {path.name}", mend) for image in bare]
    usable = by_name.keys() - {*twice}
    return [(pair, by_name[stem(pair[0])]) for pair in joined if stem(pair[0]) in usable], problems


def parse_label(text: str) -> Label | None:
    """Tell a label, written in any case; none where the text is no label."""
    return next((label for label in LABELS if label == text.lower()), None)


def unknown_label(where: str, text: str) -> Problem:
    """Tell that `where` gives a label that there is not."""
    return Problem(where, f"has the unknown label {text!r}", f"Write one of {', '.join(LABELS)}")
