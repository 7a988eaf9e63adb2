"""From a raw folder to the prepared table, all or nothing: what is wrong is told at once, what is dropped is listed."""

from __future__ import annotations

import logging
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from breastseg.data.contradictions import ContradictionRow, find_contradictions, find_doubtful_normals
from breastseg.data.csv_file import write_csv
from breastseg.data.duplicates import Duplicates, find_duplicates
from breastseg.data.examine import Examined, examine
from breastseg.data.fingerprint import SIDE
from breastseg.data.flag_tally import FlagTally
from breastseg.data.listing import layout_of, list_cases
from breastseg.data.near_pairs import NearPairRow, draw_sheet, hardest_pairs, list_pairs
from breastseg.data.parallel import ordered_map
from breastseg.data.table import DOUBTFUL_NORMAL, PreparedCase, read_table, write_table
from breastseg.errors import Problem, ProblemsError
from breastseg.wording import uncounted_normals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from breastseg.data.cases import Label, RawCase
    from breastseg.params.data import Data
    from breastseg.params.prepare import Prepare

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outputs:
    """Where the prepared data goes.

    Attributes:
        table: The prepared table, Parquet.
        dropped: What was left out, CSV: `path` (from the data root), `what`, `mend`.
        near_pairs: Pairs of images that are alike or nearly so, CSV; see `NearPairRow`.
        contradictions: Near-duplicates with different labels, CSV; see `ContradictionRow`.
        sheet: Picture of the pairs that were hardest to decide, PNG.
    """

    table: Path
    dropped: Path
    near_pairs: Path
    contradictions: Path
    sheet: Path


@dataclass
class _Seen:
    """What is kept of the cases that went by, in the same order; of it, the fingerprints take most, and so a file."""

    fingerprints: IO[bytes]
    case_ids: list[str] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    patients: list[tuple[str, str] | None] = field(default_factory=list)
    images: list[str] = field(default_factory=list)

    def add(self, raw: RawCase, examined: Examined) -> None:
        self.case_ids.append(raw.case_id)
        self.labels.append(examined.case.label)
        self.patients.append(None if raw.patient is None else (raw.dataset, raw.patient))
        self.images.append(raw.image)
        self.fingerprints.write(examined.fingerprint.tobytes())

    def find_duplicates(self, limit: float) -> Duplicates:
        self.fingerprints.flush()
        pixels = np.asarray(np.memmap(self.fingerprints, dtype=np.uint8, mode="r"))
        return find_duplicates(self.case_ids, self.patients, pixels.reshape(-1, SIDE, SIDE), limit)


def prepare(data: Data, params: Prepare, outputs: Outputs) -> None:
    """Check every raw case, find near-duplicates, and write the prepared table.

    Cases pass through one by one: beside the list of files, about 1 KB a case is what is held in memory.

    Args:
        data: The raw folder and its layout.
        params: What to do with faults and contradictions, and what counts as a near-duplicate.
        outputs: The files to write; none is written before all cases are checked.

    Raises:
        ProblemsError: There is no case, or there are faults and `on_error` is `fail`. Nothing is written then.
    """
    examined = outputs.table.with_name(f".{outputs.table.name}.examined")
    try:
        with TemporaryFile() as fingerprints:
            seen = _Seen(fingerprints)
            problems = _examine_to(examined, data, seen)
            _check(data.root, params, problems, seen)
            duplicates = seen.find_duplicates(params.duplicate_similarity)
        contradictions = find_contradictions(seen.case_ids, seen.labels, duplicates.clear_groups)
        left_out = _contradicting(contradictions, seen, params)
        problems += left_out.values()
        _require_cases(data.root, len(seen.case_ids) - len(left_out), problems)
        _write_duplicates(outputs, examined, seen.case_ids, duplicates)
        write_csv(ContradictionRow, contradictions, outputs.contradictions)
        write_csv(Problem, [_from_root(problem, data.root) for problem in sorted(problems)], outputs.dropped)
        flags, doubtful = FlagTally(), _doubtful_normals(seen, duplicates, left_out)
        cases = _complete(examined, duplicates.groups, doubtful, left_out)
        write_table(flags.counting(cases), outputs.table)
        for line in flags.lines():
            _log.warning(line)
    finally:
        examined.unlink(missing_ok=True)
        _remove_if_empty(outputs.table.parent)


def _examine_to(path: Path, data: Data, seen: _Seen) -> list[Problem]:
    """Write the cases without fault to `path`, and note what is to be kept of them; give the faults of the others."""
    listing = list_cases(data)
    cases = sorted(listing.cases, key=lambda case: (case.case_id, case.image))
    shared = {case_id for case_id, count in Counter(case.case_id for case in cases).items() if count > 1}
    named = {problem.path for problem in listing.problems}
    faulty = [case for case in cases if not named.isdisjoint((case.image, *case.masks))]
    clashing = [case for case in cases if case.case_id in shared and case not in faulty]
    problems = [*listing.problems, *map(_clash, clashing)]
    left_out = shared.union(case.case_id for case in faulty)
    write_table(_examine_all(cases, data, seen, problems, left_out), path)
    return problems


def _clash(case: RawCase) -> Problem:
    mend = "Give every case an id of its own: rename the file, or fill the column case_id of a cases.csv"
    return Problem(case.image, f"has the case id {case.case_id!r} of another case", mend)


def _examine_all(
    cases: Sequence[RawCase], data: Data, seen: _Seen, problems: list[Problem], left_out: Collection[str]
) -> Iterator[PreparedCase]:
    """Yield the cases without fault; note what is to be kept of them, and the faults of the others.

    Cases with an id in `left_out` are looked at as well, so that their other faults are reported in the same round.
    """
    results = ordered_map(_examine_by, [(case, layout_of(data, case)) for case in cases])
    progress = tqdm(results, desc="prepare", total=len(cases), unit="image")
    for case, result in zip(cases, progress, strict=True):
        if not isinstance(result, Examined):
            problems += result
        elif case.case_id not in left_out:
            seen.add(case, result)
            yield result.case


def _examine_by(pair: tuple[RawCase, str]) -> Examined | tuple[Problem, ...]:
    return examine(*pair)


def _check(root: str, params: Prepare, problems: Sequence[Problem], seen: _Seen) -> None:
    if problems and params.on_error == "fail":
        raise ProblemsError(f"{root} cannot be prepared; prepare.on_error: drop leaves these out", problems)
    _require_cases(root, len(seen.case_ids), problems)


def _require_cases(root: str, count: int, problems: Sequence[Problem]) -> None:
    if count == 0:
        nothing = Problem(root, "holds no case that can be used", "Check data.root and data.layout")
        raise ProblemsError("No case at all", [nothing, *problems])


def _contradicting(contradictions: Sequence[ContradictionRow], seen: _Seen, params: Prepare) -> dict[str, Problem]:
    """Warn of contradictions, and say what is wrong with each case that they leave out; none where they are kept."""
    drop = params.contradictions == "drop"
    if contradictions:
        groups, how = len({row.group for row in contradictions}), "left out" if drop else "kept together"
        message = "%d groups of near-duplicates have several labels; their %d images are %s (prepare.contradictions)"
        _log.warning(message, groups, len(contradictions), how)
    images = dict(zip(seen.case_ids, seen.images, strict=True)) if drop else {}
    return {row.case_id: _other_label(row, images[row.case_id]) for row in contradictions if drop}


def _other_label(row: ContradictionRow, image: str) -> Problem:
    what = f"is {row.label}, but among its near-duplicates are other labels"
    return Problem(image, what, "Mend the wrong label, or set prepare.contradictions: keep")


def _write_duplicates(outputs: Outputs, examined: Path, case_ids: Sequence[str], duplicates: Duplicates) -> None:
    write_csv(NearPairRow, list_pairs(case_ids, duplicates), outputs.near_pairs)
    draw_sheet(*hardest_pairs(list_pairs(case_ids, duplicates)), examined, outputs.sheet)


def _doubtful_normals(seen: _Seen, duplicates: Duplicates, left_out: Collection[str]) -> set[str]:
    """Name the normals that stay and are near-duplicates of a lesion image, and warn of them."""
    doubtful = zip(seen.case_ids, find_doubtful_normals(seen.labels, duplicates.clear_groups), strict=True)
    found = {case_id for case_id, holds in doubtful if holds and case_id not in left_out}
    if found:
        message = "%s in any false-positive rate, for example %s (flag %s)"
        _log.warning(message, uncounted_normals(len(found)), min(found), DOUBTFUL_NORMAL)
    return found


def _complete(
    examined: Path, groups: Sequence[str], doubtful: Collection[str], left_out: Collection[str]
) -> Iterator[PreparedCase]:
    """Yield the cases that stay, now with what takes all of them to know: their near-duplicates."""
    for case, group in zip(read_table(examined), groups, strict=True):
        if case.case_id not in left_out:
            flags = (*case.flags, DOUBTFUL_NORMAL) if case.case_id in doubtful else case.flags
            yield replace(case, duplicate_group=group, flags=tuple(sorted(flags)))


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # it holds the outs
        folder.rmdir()


def _from_root(problem: Problem, root: str) -> Problem:
    return replace(problem, path=Path(os.path.relpath(problem.path, root)).as_posix())
