"""The lines of an unfinished run: a part a chunk, in a hidden folder of the results until all parts become one file.

    .parts/<answerer>/<run>/plan-00000.jsonl    chunks of images, some to a file, which any process of a run reads
    .parts/<answerer>/<run>/part-0000000.jsonl  the lines of a chunk, written once all its masks and overlays are, whose
                                                versions come first: a line does not stand for a mask that replaced its
                                                own
    .parts/<answerer>/joining                   the version of the one file before the parts were joined

An answerer's folder is named after the model, the frame and this package's version, so that no other one's lines are
ever taken for its own.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from breastseg.bulk.places import is_remote, open_place
from breastseg.bulk.plan import Line
from breastseg.bulk.sources import Image
from breastseg.data.parallel import threaded_map
from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from breastseg.bulk.places import Place
    from breastseg.bulk.plan import Plan

Made = tuple[str | None, str | None]
"""The versions of an image's mask and overlay; None for what was not written."""

PARTS = ".parts"
_PART, _PLAN = "part-", "plan-"
_JOINING = "joining"
# what a kill costs a process at most, and a line of its own in the books of an engine
CHUNK = 100
_CHUNKS_A_FILE = 64
# a bucket answers slowly, but many at once
_HANDS = 16


@dataclass(frozen=True)
class Run:
    """A run's own folder.

    Attributes:
        out: The folder of the results.
        answerer: What answers, as a name of a folder.
        name: Tells this run from others.
    """

    out: str
    answerer: str
    name: str

    @property
    def place(self) -> Place:
        """What reads and writes there."""
        return open_place(f"{self.out}/{PARTS}/{self.answerer}/{self.name}")

    def write_chunks(self, images: Iterable[Image]) -> int:
        """Part images into chunks that `read_chunk` gives, and return the number of chunks."""
        coming, count, place = iter(images), 0, self.place
        while held := list(islice(coming, CHUNK * _CHUNKS_A_FILE)):
            chunks = [[asdict(image) for image in held[start : start + CHUNK]] for start in range(0, len(held), CHUNK)]
            place.write(_plan_name(count // _CHUNKS_A_FILE), _as_lines(chunks))
            count += len(chunks)
        return count

    def read_chunk(self, number: int) -> list[Image]:
        """Return the images of a chunk."""
        line = _plan_lines(self, number // _CHUNKS_A_FILE)[number % _CHUNKS_A_FILE]
        return [Image(**image) for image in json.loads(line)]

    def write_part(self, number: int, lines: Sequence[dict[str, Any]], made: Sequence[Made]) -> None:
        """Write the lines of a chunk, and before them the versions of what was written with them."""
        self.place.write(f"{_PART}{number:07}.jsonl", _as_lines([made, *lines]))


def add_parts(plan: Plan, out: str, answerer: str, run: str = "", *, failed: bool) -> None:
    """Take the lines that runs of an answerer have written into a plan.

    Args:
        plan: Takes them.
        out: The folder of the results.
        answerer: Whose lines.
        run: The name of a run; all runs without it.
        failed: Whether to take lines that tell of a failure.
    """
    folder = f"{PARTS}/{answerer}/{run}".rstrip("/")
    place = open_place(f"{out}/{folder}")
    names = (name for name, _ in place.listed() if _is_part(name))
    for name, content in threaded_map(lambda name: (name, _read(place, name)), names, _HANDS):
        # what another run, which has ended meanwhile, took away is done again
        lines = _lines_of(content) if content else ()
        plan.add_lines(f"{folder}/{name}", (line for line in lines if failed or not line.failed))


def planned_lines(plan: Plan, out: Place) -> Iterator[bytes]:
    """Yield the lines of all images of a plan, in its order.

    Raises:
        BreastsegError: Some are gone.
    """

    def read(place: tuple[str, list[tuple[int, int]]]) -> list[bytes]:
        part, spans = place
        content = _read(out, part)
        if content is None:
            raise BreastsegError(f"{part} is gone; did another run end there? Run the command again")
        return [content[start : start + length] for start, length in spans]

    for lines in threaded_map(read, plan.lines(), _HANDS):
        yield from lines


def other_answerers(out: str, answerer: str) -> set[str]:
    """Return the folders of runs of other models, frames or versions, finished or not."""
    found = (name.partition("/")[0] for name, _ in open_place(f"{out}/{PARTS}").listed() if _is_part(name))
    return set(found) - {answerer}


def begin_joining(out: Place, answerer: str, target: str) -> None:
    """Note which version of the target there is: once there is another one, the parts are in it."""
    out.write(_joining(answerer), (out.version(target) or "").encode())


def end_joining(out: Place, answerer: str) -> None:
    """Forget that parts were joined: others are to come."""
    out.remove(_joining(answerer))


def is_joined(out: Place, answerer: str, target: str) -> bool:
    """Tell whether the parts of an answerer are all in the target, so that no run of it is unfinished."""
    before = _read(out, _joining(answerer))
    return before is not None and before.decode() != (out.version(target) or "")


def remove_plan(run: Run) -> None:
    """Remove the chunks of a run, and its folder where that is empty then."""
    _remove_below(run.place, _PLAN)


def remove_parts(plan: Plan, run: Run) -> None:
    """Remove what runs of an answerer have left: in a bucket, where others may be at work, the plan's parts alone."""
    place = open_place(run.out)
    for _ in threaded_map(place.remove, plan.parts(), _HANDS):
        pass
    end_joining(place, run.answerer)
    if not is_remote(run.out):
        remove_answerer(run.out, run.answerer)


def remove_answerer(out: str, answerer: str) -> None:
    """Remove all that runs of an answerer have left; that they were joined is known to the end."""
    place = open_place(f"{out}/{PARTS}/{answerer}")
    _remove_below(place, _PART)
    _remove_below(place)


def _remove_below(place: Place, begin: str = "") -> None:
    names = [name for name, _ in place.listed() if name.rpartition("/")[2].startswith(begin)]
    for _ in threaded_map(place.remove, names, _HANDS):
        pass
    place.tidy()


def _read(place: Place, name: str) -> bytes | None:
    """Return the content of a file; None where it is gone."""
    try:
        return place.read(name)
    except BreastsegError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def _is_part(name: str) -> bool:
    return name.rpartition("/")[2].startswith(_PART)


def _joining(answerer: str) -> str:
    return f"{PARTS}/{answerer}/{_JOINING}"


def _plan_name(number: int) -> str:
    return f"{_PLAN}{number:05}.jsonl"


@lru_cache(maxsize=2)
def _plan_lines(run: Run, number: int) -> list[bytes]:
    return run.place.read(_plan_name(number)).splitlines()


def _as_lines(values: Iterable[object]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def _lines_of(content: bytes) -> Iterator[Line]:
    head, *lines = content.splitlines(keepends=True)
    start = len(head)
    versions = json.loads(head)
    for line, made in zip(lines, versions, strict=False):  # a part of another form has fewer: the rest is done again
        fields = json.loads(line)
        mask, overlay = made if isinstance(made, list) else (made, None)  # earlier parts know of no overlays
        written = (fields.get("mask", ""), mask or "", overlay or "")
        yield Line(fields["file"], fields["version"], *written, "error" in fields, start, len(line))
        start += len(line)
