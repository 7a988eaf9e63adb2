"""Segments files, folders and buckets without a server: a mask per file, a line per file in `predictions.jsonl`."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from breastseg.bulk import inputs
from breastseg.bulk.chunk import Work, do_chunk
from breastseg.bulk.inputs import Skipped, add_inputs, listing
from breastseg.bulk.lesion_table import LESIONS, LesionTable
from breastseg.bulk.lock import sole_run
from breastseg.bulk.manifest import Counts, write_manifest
from breastseg.bulk.overlays import overlay_of
from breastseg.bulk.parts import (
    PARTS,
    Run,
    add_parts,
    begin_joining,
    end_joining,
    is_joined,
    other_answerers,
    planned_lines,
    remove_answerer,
    remove_parts,
    remove_plan,
)
from breastseg.bulk.places import is_named, is_remote, normalised, open_place
from breastseg.bulk.plan import Plan, new_plan
from breastseg.bulk.summary import PREDICTIONS, Tally, summary
from breastseg.data.parallel import WorkerLostError, ordered_map
from breastseg.errors import BreastsegError, Problem
from breastseg.inference.cpus import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from breastseg.bulk.places import Place
    from breastseg.inference.predict import Answerer, MakeAnswerer

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engine:
    """Where the work is done.

    Attributes:
        name: See `ordered_map`.
        workers: Number of processes on this machine; with one, this process does it. None: the usable CPUs.
    """

    name: str = "local"
    workers: int | None = None


_LOCAL = Engine()


def predict(
    sources: Sequence[Path | str],
    make_answerer: MakeAnswerer,
    out: Path | str,
    engine: Engine = _LOCAL,
    say: Callable[[str], object] = _log.info,
) -> int:
    """Segment images and write masks (PNG, 8-bit, 0 and 255, at native size) and tables of what was found.

    The tables are `predictions.jsonl`, `lesions.csv` and `manifest.json`. An answerer that draws overlays has one
    written beside each mask.

    Memory grows by some bytes an image. A run that was ended, at any time and in any way, is taken up
    again by the same call: what its finished chunks hold is not done again, but for images that have changed or failed.

    Args:
        sources: See `find_images`; images come in the order of the sources and of their names.
        make_answerer: Makes who finds the lesions; called once the sources are known to hold images.
        out: The folder to write to, in a bucket too; what stands there under the same names is replaced.
        engine: Where the work is done; the results do not depend on it.
        say: Called with what is skipped, where something is: masks and overlays beside their images, links to folders;
            and at the end with the summary.

    Returns:
        The number of images.

    Raises:
        ProblemsError: A source holds no image, two inputs would write one file, or no file can be decoded: nothing is
            written. Or some files cannot be decoded: all others are written, these are listed, in their lines too.
        BreastsegError: The folder cannot be written to, another run writes to it, an unfinished run of another model
            stands in it, a bucket does not answer, or nobody finds lesions; the tables are as they were.
    """
    names, place = [str(source) for source in sources], _checked_out(str(out))
    with new_plan() as plan:
        skipped = add_inputs(plan, names, place)
        answerer = make_answerer()
        _require_distinct_outputs(plan, place, overlays=answerer.overlay)
        if str(skipped):
            say(str(skipped))
        if warning := answerer.model.gate_warning:
            _log.warning(warning)
        run = Run(place, _folder_of(answerer), uuid.uuid4().hex)
        with _sole_run(place):
            _refuse_other_runs(run)
            _add_done(plan, run, overlays=answerer.overlay)
            end_joining(open_place(run.out), run.answerer)
            _do_open(plan, run, make_answerer, engine)
            return _finish(plan, run, answerer, _Call(names, skipped, say))


def _checked_out(out: str) -> str:
    """Return the folder of the results, by its one spelling and without strokes at its end."""
    named = normalised(out)
    place = named.rstrip("/")
    if not place or not is_named(named):
        raise BreastsegError(f"Results cannot be written to {out!r}. Name with --out a folder, or gs://bucket/folder")
    try:
        place.encode()
    except UnicodeEncodeError as error:
        raise BreastsegError(f"The name {out!r} is not UTF-8. Name with --out another folder") from error
    return place


def _require_distinct_outputs(plan: Plan, out: str, *, overlays: bool) -> None:
    alone, elsewhere = "Rename one, or run them apart", "Choose another output folder"
    blocked = "has its overlay {} where an input, a mask or a folder of masks is"
    without = "Rename one, choose another output folder, or do without overlays"
    found = chain(
        (Problem(f, f"shares the mask {mask!a} with another input", alone) for f, mask in plan.sharing()),
        (Problem(f, f"has its mask {mask} where others' folder is", alone) for f, mask in plan.above()),
        (Problem(f, "is held by two inputs", "Name it once, or run them apart") for f in plan.twice()),
        (Problem(f, "has its mask where an input image is", elsewhere) for f in plan.overwritten(out)),
        (Problem(f, blocked.format(o), without) for f, o in plan.overlays_in_the_way(out)) if overlays else (),
    )
    if problems := list(islice(found, inputs.SHOWN)):
        count = len(problems) + sum(1 for _ in found)
        raise listing("Inputs or masks are in each other's way; nothing is written", problems, count)


def _folder_of(answerer: Answerer) -> str:
    """Name the folder for the parts of a model, a frame and a version of this package."""
    model = answerer.model
    answered_by = f"{model.file_sha256 or model.contract_sha256} {answerer.frame} {version('breastseg')}"
    return hashlib.sha256(answered_by.encode()).hexdigest()[:16]


@contextmanager
def _sole_run(out: str) -> Iterator[None]:
    """Keep other runs away from a folder; what is empty afterwards was not there before."""
    if is_remote(out):
        yield
        return
    folder = Path(out)
    is_new = not os.path.exists(folder)  # noqa: PTH110 - pathlib fails on a name too long, which the lock tells
    try:
        with sole_run(folder / PARTS):
            try:
                yield
            finally:
                open_place(f"{out}/{PARTS}").tidy()
    finally:
        for empty in (folder / PARTS, *([folder] if is_new else [])):
            with suppress(OSError):  # something is left in it
                empty.rmdir()


def _refuse_other_runs(run: Run) -> None:
    others, out = other_answerers(run.out, run.answerer), open_place(run.out)
    finished = {other for other in others if is_joined(out, other, PREDICTIONS)}
    if unfinished := others - finished:
        places = ", ".join(f"{run.out}/{PARTS}/{other}" for other in sorted(unfinished))
        mend = f"Finish it with its own model, frame and version, remove {places}, or name another --out"
        raise BreastsegError(f"{run.out} holds an unfinished run of another model, frame or breastseg version. {mend}")
    # before the first of their masks is replaced
    for other in finished:
        remove_answerer(run.out, other)


def _add_done(plan: Plan, run: Run, *, overlays: bool) -> None:
    """Add what unfinished runs have done, as far as the masks that they made are there, and overlays where wanted."""
    add_parts(plan, run.out, run.answerer, failed=False)
    if plan.counts()[0]:
        out = open_place(run.out)
        names = (name for mask in plan.hidden_masks() for name in ([mask, overlay_of(mask)] if overlays else [mask]))
        hidden = ((name, out.version(name)) for name in names)
        plan.forget_lines_without(chain(out.listed(note=lambda _: None), hidden), overlays=overlays)


def _do_open(plan: Plan, run: Run, make_answerer: MakeAnswerer, engine: Engine) -> None:
    """Do all images that have no line yet."""
    try:
        chunks = range(run.write_chunks(plan.open_images()))
        workers = min(engine.workers or usable_cpus(), len(chunks))
        threads = None if engine.name == "local" and workers <= 1 else 1
        do = partial(do_chunk, work=Work(run, make_answerer, threads))
        counts = ordered_map(do, chunks, max(1, workers), chunk=1, engine=engine.name)
        with tqdm(total=plan.images(), initial=plan.counts()[0], desc="segment", unit="image", disable=None) as bar:
            for count in counts:
                bar.update(count)
    except WorkerLostError as error:
        raise BreastsegError(f"{error}: it goes on where it was") from error
    finally:
        remove_plan(run)
    add_parts(plan, run.out, run.answerer, run.name, failed=True)


@dataclass(frozen=True)
class _Call:
    """What was asked for: the sources, what of them is skipped, and how the caller hears of it."""

    sources: Sequence[str]
    skipped: Skipped
    say: Callable[[str], object]


def _finish(plan: Plan, run: Run, answerer: Answerer, call: _Call) -> int:
    """Make the tables of the parts, and take them away unless images failed, which may be fixed."""
    images = plan.images()
    found, failed = plan.counts()
    if found != images:
        raise BreastsegError(f"{run.out}: {images - found} lines are gone; did another run end there? Run it again")
    out = open_place(run.out)
    if failed == images:
        problems = _failures(planned_lines(plan, out))
        remove_parts(plan, run)
        raise listing("No image can be read; nothing is written", problems, failed)
    begin_joining(out, run.answerer, PREDICTIONS)
    tally = _join(plan, out)
    counts = Counts(
        images=images,
        done=images - failed,
        with_lesion=tally.with_lesion,
        without_lesion=tally.without_lesion,
        failed=failed,
        skipped_masks=call.skipped.masks,
        skipped_overlays=call.skipped.overlays,
        out_of_distribution=tally.out_of_distribution,
    )
    write_manifest(out, answerer, call.sources, counts)
    call.say(summary(counts, run.out, overlays=answerer.overlay))
    if failed:
        problems = _failures(planned_lines(plan, out))
        title = f"Images that cannot be read; the others are written to {run.out}, and {PREDICTIONS} tells of all"
        raise listing(title, problems, failed)
    remove_parts(plan, run)
    return images


def _join(plan: Plan, out: Place) -> Tally:
    """Write the lines of all images to the tables, one by one, and count them."""
    tally = Tally()
    # which takes its name last: once it has it, the run is finished
    with out.writing(PREDICTIONS) as predictions, out.writing(LESIONS) as lesions:
        table = LesionTable(lesions)
        for line in planned_lines(plan, out):
            content = json.loads(line)
            tally.add(content)
            table.add(content)
            predictions.write(line)
    return tally


def _failures(lines: Iterable[bytes]) -> list[Problem]:
    """Return the first images that failed."""
    failed = (told for told in map(json.loads, lines) if "error" in told)
    return [Problem(told["file"], told["error"], "Fix it, or leave it out") for told in islice(failed, inputs.SHOWN)]
