"""Table of lesions for spreadsheets and statistics: a row per lesion, and one per image without a lesion."""

from __future__ import annotations

import codecs
import csv
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LESIONS = "lesions.csv"

# a spreadsheet computes cells that begin so; the last four are the same letters of East Asian width
_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def _as_text(file: str) -> str:
    """Return a path that no spreadsheet takes for a formula, and that names the same file."""
    return f"./{file}" if file.startswith(_FORMULA_BEGINS) else file


def _warnings(line: Mapping[str, Any]) -> str:
    """Return what the service's page warns of, separated by blanks."""
    return " ".join([*line["quality"], *(["out_of_distribution"] if line["out_of_distribution"] else [])])


# what each column takes from the line of an image and from one of its lesions, which has nothing where there is none
_COLUMNS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], object]] = {
    "file": lambda line, _: _as_text(line["file"]),
    "lesion": lambda _, lesion: lesion.get("number"),
    "area_px": lambda _, lesion: lesion.get("area_px"),
    "area_share": lambda _, lesion: lesion.get("area_share"),
    "confidence": lambda _, lesion: lesion.get("confidence"),
    "presence": lambda line, _: line.get("presence"),
    "warnings": lambda line, _: _warnings(line),
}


class LesionTable:
    """A table that is written image by image: UTF-8, quoted as in RFC 4180, lines end with a line feed.

    Args:
        file: Takes the header at once.
    """

    def __init__(self, file: IO[bytes]) -> None:
        # quoted text stays in its cell where a spreadsheet takes semicolons for commas
        self._rows = csv.writer(codecs.getwriter("utf-8")(file), quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        self._rows.writerow(_COLUMNS)

    def add(self, line: Mapping[str, Any]) -> None:
        """Add the rows of an image.

        Args:
            line: As in `predictions.jsonl`. One of an image that cannot be read gives no row: it may have lesions.
        """
        if "error" in line:
            return
        lesions = [{"number": number, **lesion} for number, lesion in enumerate(line["lesions"], start=1)]
        for lesion in lesions or [{}]:
            self._rows.writerow(value(line, lesion) for value in _COLUMNS.values())
