"""One chunk of images, from their files to masks, overlays and a part with their lines: the same on every engine."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from breastseg.bulk.places import is_remote, open_place, split_remote
from breastseg.data.parallel import threaded_map
from breastseg.errors import BreastsegError
from breastseg.folders import UnreadableError, read_file
from breastseg.inference.raster import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breastseg.bulk.parts import Made, Run
    from breastseg.bulk.places import Place
    from breastseg.bulk.sources import Image
    from breastseg.inference.predict import Answer, Answerer, MakeAnswerer

# a bucket takes its time for each file: others are fetched and written meanwhile, a few ahead
_HANDS = 8
# what a bucket says of these is no more than an address
_FAULTS_OF_IMAGES: dict[type[OSError], str] = {FileNotFoundError: "is gone", PermissionError: "may not be read"}


@dataclass(frozen=True)
class Work:
    """What is to be done with the chunks of a run.

    Attributes:
        run: Where its chunks are and its parts go.
        make_answerer: Makes who finds the lesions, once a process; picklable where there are several.
        threads: Threads that one image is computed with; None: all that the process may use.
    """

    run: Run
    make_answerer: MakeAnswerer
    threads: int | None


@dataclass(frozen=True)
class _Opened:
    """What a process holds open for a run: for many chunks, and for all threads, each of which would log in again."""

    answer: Answerer
    out: Place
    buckets: dict[str, Place]

    def read(self, file: str) -> bytes:
        if not is_remote(file):
            return read_file(file)
        bucket, name = split_remote(file)
        if bucket not in self.buckets:
            self.buckets[bucket] = open_place(bucket)
        try:
            return self.buckets[bucket].read(name)
        except BreastsegError as error:
            # a bucket that does not answer is no fault of the image
            for fault, why in _FAULTS_OF_IMAGES.items():
                if isinstance(error.__cause__, fault):
                    raise UnreadableError(why) from error
            raise


_opened: dict[Run, _Opened] = {}


@dataclass(frozen=True)
class _Answered:
    image: Image
    answer: Answer | None
    line: dict[str, Any]

    def pictures(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield what is to be written: what it is, its name, its content. The longest name is the first."""
        if self.answer and self.answer.overlay_png is not None:
            yield "overlay", self.image.overlay, self.answer.overlay_png
        if self.answer:
            yield "mask", self.image.mask, self.answer.mask_png


def do_chunk(number: int, work: Work) -> int:
    """Segment the images of a chunk, write their masks and overlays and, after them, their lines.

    Args:
        number: The chunk's.
        work: What is to be done.

    Returns:
        The number of images.

    Raises:
        BreastsegError: A place fails, or nobody answers. An image that cannot be read is no such fault: its line tells.
    """
    opened = _open(work)
    images = work.run.read_chunk(number)
    read = threaded_map(partial(_read, opened), images, _HANDS)
    answered = (_answer(opened.answer, image, data) for image, data in read)
    written = list(threaded_map(partial(_write, opened.out), answered, _HANDS))
    work.run.write_part(number, *zip(*written, strict=True))
    return len(written)


def _open(work: Work) -> _Opened:
    if work.run not in _opened:
        # one run's at most is held
        _opened.clear()
        _opened[work.run] = _Opened(work.make_answerer(threads=work.threads), open_place(work.run.out), {})
    return _opened[work.run]


def _read(opened: _Opened, image: Image) -> tuple[Image, bytes | str]:
    """Return an image with its file's content, or with why there is none."""
    try:
        return image, opened.read(image.file)
    except UnreadableError as error:
        _require_folder(image.folder)
        return image, str(error)


def _require_folder(folder: str) -> None:
    """End the run where the input's folder is lost: that is no fault of its images, and all others would fail too."""
    if not _holds_any(folder):
        mend = "Bring it back, on every machine of the run, and run the command again: it goes on where it was"
        raise BreastsegError(f"{folder} is gone, or holds nothing any more. {mend}")


def _holds_any(folder: str) -> bool:
    """Tell whether a folder is there and not empty, as one is whose disk is no longer mounted."""
    if is_remote(folder):
        return next(open_place(folder).listed(), None) is not None
    try:
        return any(Path(folder).iterdir())
    except PermissionError:
        # it is there, and its files may be read by their names
        return True
    except OSError:
        return False


def _answer(answer: Answerer, image: Image, data: bytes | str) -> _Answered:
    head = {"file": image.file, "version": image.version}
    if isinstance(data, str):
        return _Answered(image, None, head | {"error": data})
    try:
        answered = answer(data)
    except DecodeError as error:
        return _Answered(image, None, head | {"error": str(error)})
    return _Answered(image, answered, head | {"mask": image.mask} | answered.report.model_dump(mode="json"))


def _write(out: Place, found: _Answered) -> tuple[dict[str, Any], Made]:
    """Write the pictures of an image, and return its line and their versions."""
    made: dict[str, str | None] = {}
    for what, name, content in found.pictures():
        try:
            made[what] = out.write(name, content)
        except BreastsegError as error:
            # all other faults are the place's, and would meet other images too
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.ENAMETOOLONG:
                raise
            why = f"its {what}'s name {name} is too long for the folder of the results"
            return {"file": found.image.file, "version": found.image.version, "error": why}, (None, None)
    return found.line, (made.get("mask"), made.get("overlay"))
