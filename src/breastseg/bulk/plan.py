"""Which images there are, which of them are done, and where their lines are: on disk, so that memory stays flat."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from breastseg.bulk.overlays import overlaid_mask, overlay_of
from breastseg.bulk.places import is_remote
from breastseg.bulk.sources import Image
from breastseg.data.image_names import image_stem_of_likely_mask
from breastseg.errors import BreastsegError
from breastseg.folders import nfc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE images (source INTEGER, file TEXT, mask TEXT, version TEXT, place TEXT, PRIMARY KEY (source, file))
    WITHOUT ROWID;
CREATE TABLE lines (file TEXT, version TEXT, mask TEXT, failed INTEGER, part TEXT, start INTEGER, length INTEGER,
    made TEXT, overlay TEXT, PRIMARY KEY (file, version, mask, made)) WITHOUT ROWID;
CREATE TABLE folders (folder TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE named (source INTEGER, file TEXT, is_overlay INTEGER, image TEXT, PRIMARY KEY (source, file, is_overlay))
    WITHOUT ROWID;
CREATE TABLE beside (source INTEGER, mask TEXT, PRIMARY KEY (source, mask)) WITHOUT ROWID;
CREATE TABLE skipped (place TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE parts (part TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE results (name TEXT PRIMARY KEY, version TEXT) WITHOUT ROWID;
CREATE VIEW companions AS
    SELECT named.source, file, is_overlay FROM named
    JOIN beside ON beside.source = named.source AND beside.mask = named.image;
CREATE VIEW taken AS SELECT place FROM images UNION ALL SELECT place FROM skipped;
-- a line of a failure names no mask; the same file may have had another one in an earlier run
CREATE VIEW joined AS
    SELECT source, images.file, images.mask, images.version, lines.file AS told, failed, part, start, length
    FROM images LEFT JOIN lines
    ON lines.file = images.file AND lines.version = images.version AND lines.mask IN (images.mask, '');
"""
_TWICE = """
SELECT DISTINCT file FROM images WHERE absolute(file) IN
    (SELECT absolute(file) FROM images GROUP BY absolute(file) HAVING count(*) > 1) ORDER BY file
"""
_SHARED = """
SELECT file, mask FROM images WHERE folded(mask) IN
    (SELECT folded(mask) FROM images GROUP BY folded(mask) HAVING count(*) > 1) ORDER BY source, file
"""
_MAYBE_BELOW_A_MASK = "SELECT folded(mask) FROM images WHERE mask LIKE '%.png/%'"
_ABOVE = "SELECT file, mask FROM images WHERE folded(mask) IN (SELECT folder FROM folders) ORDER BY source, file"
_OVERWRITTEN = "SELECT file FROM images WHERE ? || mask IN (SELECT place FROM taken) ORDER BY source, file"
_OVERLAYS_IN_THE_WAY = """
SELECT file, overlay(mask) FROM images
    WHERE folded(overlay(mask)) IN (SELECT folded(mask) FROM images WHERE mask LIKE '%!_overlay.png' ESCAPE '!')
    OR folded(overlay(mask)) IN (SELECT folder FROM folders)
    OR ? || overlay(mask) IN (SELECT place FROM taken)
    ORDER BY source, file
"""
_OPEN = "SELECT file, mask, version FROM joined WHERE told IS NULL ORDER BY source, file"
_LINES = "SELECT part, start, length FROM joined WHERE told IS NOT NULL ORDER BY source, file"
_HIDDEN = "SELECT DISTINCT mask FROM lines WHERE mask LIKE '.%' OR mask LIKE '%/.%'"
_WITHOUT_MASK = """
DELETE FROM lines WHERE mask <> '' AND NOT EXISTS
    (SELECT 1 FROM results WHERE results.name = lines.mask AND results.version = lines.made)
"""
_WITHOUT_OVERLAY = """
DELETE FROM lines WHERE mask <> '' AND NOT EXISTS
    (SELECT 1 FROM results WHERE results.name = overlay(lines.mask) AND results.version = lines.overlay)
"""
_NAME_COMPANIONS = """
INSERT INTO named
    SELECT source, file, 0, image_beside(mask) FROM images WHERE mask LIKE '%!_mask%' ESCAPE '!'
    UNION ALL SELECT source, file, 1, overlaid_mask(mask) FROM images WHERE file GLOB '*_overlay.png'
"""
_WITH_COMPANION_NAMES = "SELECT DISTINCT source FROM named WHERE image IS NOT NULL ORDER BY source"
_BESIDE = """
INSERT OR IGNORE INTO beside
    SELECT source, composed(mask) FROM images WHERE source IN (SELECT source FROM named WHERE image IS NOT NULL)
"""
_KEEP_OVERLAYS = """
INSERT OR IGNORE INTO skipped
    SELECT place FROM images WHERE (source, file) IN (SELECT source, file FROM companions WHERE is_overlay)
"""
_FORGET_COMPANIONS = """
DELETE FROM images WHERE (source, file) IN (SELECT source, file FROM companions WHERE is_overlay = ?)
"""
_COUNTS = "SELECT count(told), total(failed) FROM joined"


@dataclass(frozen=True)
class Line:
    """Where a line of a part is, and what it tells of; one of a failure has no mask.

    Attributes:
        version: The file's.
        made: The version of the mask that was written with it.
        overlay: The version of the overlay that was written with it; empty where none was.
    """

    file: str
    version: str
    mask: str
    made: str
    overlay: str
    failed: bool
    start: int
    length: int


class Plan:
    """Images in the order of the inputs and of their names, beside the lines that are there of them."""

    def __init__(self, tables: sqlite3.Connection) -> None:
        self._tables = tables
        # some file systems take upper for lower case, or an accent apart from its letter for both in one
        tables.create_function("folded", 1, _folded, deterministic=True)
        tables.create_function("composed", 1, nfc, deterministic=True)
        tables.create_function("image_beside", 1, _image_beside, deterministic=True)
        tables.create_function("overlaid_mask", 1, overlaid_mask, deterministic=True)
        tables.create_function("overlay", 1, overlay_of, deterministic=True)
        tables.create_function("absolute", 1, _absolute, deterministic=True)
        tables.executescript(_TABLES)

    def add_images(self, source: int, images: Iterable[Image]) -> int:
        """Add the images of an input, and return how many they are."""
        rows = ((source, image.file, image.mask, image.version, _place(image.file)) for image in images)
        return self._tables.executemany("INSERT INTO images VALUES (?, ?, ?, ?, ?)", rows).rowcount

    def sources(self) -> set[int]:
        """Return the inputs that images are of."""
        return {source for (source,) in self._tables.execute("SELECT DISTINCT source FROM images")}

    def sources_with_companion_names(self) -> list[int]:
        """Return the inputs that hold files which are named as masks or overlays beside an image are."""
        self._tables.execute(_NAME_COMPANIONS)
        return [source for (source,) in self._tables.execute(_WITH_COMPANION_NAMES)]

    def forget_companions(self, beside: Iterable[tuple[int, str]]) -> tuple[int, int]:
        """Forget the images of an input that are masks or overlays of another one beside them.

        Args:
            beside: An input, and the mask of an image that is not among those of the input, but lies beside some.

        Returns:
            How many masks and how many overlays they were.
        """
        rows = ((source, nfc(mask)) for source, mask in beside)
        self._tables.executemany("INSERT OR IGNORE INTO beside VALUES (?, ?)", rows)
        self._tables.execute(_BESIDE)
        # somebody else may have drawn them: they are not replaced
        self._tables.execute(_KEEP_OVERLAYS)
        overlays, masks = (self._tables.execute(_FORGET_COMPANIONS, (kind,)).rowcount for kind in (True, False))
        # their room is taken by what comes
        self._tables.executescript("DROP VIEW companions; DROP TABLE named; DROP TABLE beside")
        return masks, overlays

    def add_lines(self, part: str, lines: Iterable[Line]) -> None:
        """Add lines of a part; they take the place of others of the same files and masks."""
        rows = (
            (line.file, line.version, line.mask, line.failed, part, line.start, line.length, line.made, line.overlay)
            for line in lines
        )
        self._tables.executemany("INSERT OR REPLACE INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._tables.execute("INSERT OR IGNORE INTO parts VALUES (?)", (part,))

    def hidden_masks(self) -> Iterator[str]:
        """Yield the masks of lines that no listing shows."""
        yield from (mask for (mask,) in self._tables.execute(_HIDDEN))

    def forget_lines_without(self, results: Iterable[tuple[str, str | None]], *, overlays: bool) -> None:
        """Forget the lines whose masks are not among these files: somebody has removed or replaced them.

        Args:
            results: Names and versions of files.
            overlays: Whether to forget those too whose overlays are not among them, or were not drawn.
        """
        self._tables.executemany("INSERT OR IGNORE INTO results VALUES (?, ?)", results)
        self._tables.execute(_WITHOUT_MASK)
        if overlays:
            self._tables.execute(_WITHOUT_OVERLAY)

    def parts(self) -> Iterator[str]:
        """Yield the parts that lines were added of."""
        yield from (part for (part,) in self._tables.execute("SELECT part FROM parts"))

    def above(self) -> Iterator[tuple[str, str]]:
        """Yield files, with their masks, that lie where a folder of other masks has to be."""
        self._find_folders()
        yield from self._tables.execute(_ABOVE)

    def overlays_in_the_way(self, out: str) -> Iterator[tuple[str, str]]:
        """Yield files, with their overlays, which would lie where a mask, a folder of masks or an input has to be."""
        self._find_folders()
        yield from self._tables.execute(_OVERLAYS_IN_THE_WAY, (f"{_place(out)}/",))

    def _find_folders(self) -> None:
        """Note the folders of masks that are named as a mask may be."""
        masks = self._tables.execute(_MAYBE_BELOW_A_MASK)
        folders = ((str(folder),) for (mask,) in masks for folder in PurePosixPath(mask).parents)
        self._tables.executemany("INSERT OR IGNORE INTO folders VALUES (?)", folders)

    def twice(self) -> Iterator[str]:
        """Yield files that more than one input holds."""
        yield from (file for (file,) in self._tables.execute(_TWICE))

    def sharing(self) -> Iterator[tuple[str, str]]:
        """Yield files, with their masks, that are not alone with their masks."""
        yield from self._tables.execute(_SHARED)

    def overwritten(self, out: str) -> Iterator[str]:
        """Yield files whose masks in the folder `out` would lie where an input is."""
        yield from (file for (file,) in self._tables.execute(_OVERWRITTEN, (f"{_place(out)}/",)))

    def open_images(self) -> Iterator[Image]:
        """Yield the images that have no line, or one of another version."""
        yield from (Image(*row) for row in self._tables.execute(_OPEN))

    def lines(self) -> Iterator[tuple[str, list[tuple[int, int]]]]:
        """Yield where the lines of all images are, in order: a part, and start and length of the next lines in it."""
        for part, rows in groupby(self._tables.execute(_LINES), itemgetter(0)):
            yield part, [(start, length) for _, start, length in rows]

    def images(self) -> int:
        """Return the number of images."""
        (count,) = self._tables.execute("SELECT count(*) FROM images").fetchone()
        return int(count)

    def counts(self) -> tuple[int, int]:
        """Return how many images have lines, and how many of these tell of a failure."""
        found, failed = self._tables.execute(_COUNTS).fetchone()
        return int(found), int(failed)


@contextmanager
def new_plan() -> Iterator[Plan]:
    """Yield an empty plan in a file of this machine, some hundred bytes an image, that is gone afterwards.

    Raises:
        BreastsegError: The temporary folder cannot be written to, or is full.
    """
    try:
        with ExitStack() as held:
            yield Plan(held.enter_context(closing(sqlite3.connect(_new_folder(held) / "plan.sqlite"))))
    except sqlite3.Error as error:
        raise _no_room(error) from error


def _new_folder(held: ExitStack) -> Path:
    try:
        return Path(held.enter_context(TemporaryDirectory()))
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: Exception) -> BreastsegError:
    room = "some 400 bytes an image and, for results in a bucket, as much as their predictions.jsonl and lesions.csv"
    mend = f"Name with TMPDIR a folder that has room, {room}, and can be written to"
    return BreastsegError(f"The list of images cannot be kept in the temporary folder ({error}). {mend}")


def _folded(name: str) -> str:
    return nfc(nfc(name).casefold())


def _image_beside(mask: str) -> str | None:
    """Return the composed name of the mask of the image that a file is a mask of; None if it is not named as one."""
    folder, stroke, name = mask.rpartition("/")
    stem = image_stem_of_likely_mask(name)
    return None if stem is None else f"{nfc(folder)}{stroke}{stem}.png"


def _absolute(file: str) -> str:
    """Return the one spelling of a file; a link stays one, since it is a file beside the one that it leads to."""
    return file if is_remote(file) else os.path.abspath(file)  # noqa: PTH100 - pathlib keeps `a/..`


def _place(file: str) -> str:
    """Return where a file really is."""
    # which does not mind links in a circle, as a path's `resolve` does
    return file if is_remote(file) else os.path.realpath(file)
