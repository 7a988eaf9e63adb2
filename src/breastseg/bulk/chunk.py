"""One chunk of images, from their files to masks and a part with their lines: the same function on every engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from breastseg.bulk.places import is_remote, open_place, split_remote
from breastseg.data.parallel import threaded_map
from breastseg.errors import BreastsegError
from breastseg.inference.raster import DecodeError

if TYPE_CHECKING:
    from breastseg.bulk.parts import Run
    from breastseg.bulk.places import Place
    from breastseg.bulk.sources import Image
    from breastseg.inference.predict import Answerer, MakeAnswerer

# a bucket takes its time for each file: others are fetched and written meanwhile, a few ahead
_HANDS = 8

_answerers: dict[Run, Answerer] = {}


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
class _Answered:
    image: Image
    mask_png: bytes
    told: dict[str, Any]


def do_chunk(number: int, work: Work) -> int:
    """Segment the images of a chunk, write their masks and, after them, their lines.

    Args:
        number: The chunk's.
        work: What is to be done.

    Returns:
        The number of images.

    Raises:
        BreastsegError: A place fails, or nobody answers. An image that cannot be read is no such fault: its line tells.
    """
    answer = _answerer_of(work)
    images = work.run.read_chunk(number)
    answered = (_answer(answer, image, data) for image, data in threaded_map(_read, images, _HANDS))
    out = open_place(work.run.out)
    lines = list(threaded_map(lambda found: _write(found, out), answered, _HANDS))
    work.run.write_part(number, lines)
    return len(lines)


def _answerer_of(work: Work) -> Answerer:
    """Return the answerer of a run in this process; opening a model takes longer than many images."""
    if work.run not in _answerers:
        # one at most is held
        _answerers.clear()
        _answerers[work.run] = work.make_answerer(threads=work.threads)
    return _answerers[work.run]


def _read(image: Image) -> tuple[Image, bytes | str]:
    """Return an image with its file's content, or with why there is none."""
    try:
        return image, _content(image.file)
    except OSError as error:
        return image, str(error)


def _content(file: str) -> bytes:
    if not is_remote(file):
        return Path(file).read_bytes()
    bucket, name = split_remote(file)
    try:
        return open_place(bucket).read(name)
    except BreastsegError as error:
        # a bucket that does not answer is no fault of the image
        if isinstance(error.__cause__, FileNotFoundError | PermissionError):
            raise error.__cause__ from error
        raise


def _answer(answer: Answerer, image: Image, data: bytes | str) -> _Answered:
    head = {"file": image.file, "version": image.version}
    if isinstance(data, str):
        return _Answered(image, b"", head | {"error": data})
    try:
        mask_png, report = answer(data)
    except DecodeError as error:
        return _Answered(image, b"", head | {"error": str(error)})
    return _Answered(image, mask_png, head | {"mask": image.mask} | report.model_dump(mode="json"))


def _write(found: _Answered, out: Place) -> dict[str, Any]:
    if found.mask_png:
        out.write(found.image.mask, found.mask_png)
    return found.told
