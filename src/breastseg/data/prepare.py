"""From a raw folder to the prepared table, all or nothing: what is wrong is told at once, what is dropped is listed."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from breastseg.data.csv_file import write_csv
from breastseg.data.duplicates import duplicate_groups
from breastseg.data.examine import Examined, examine
from breastseg.data.layouts import layout
from breastseg.data.parallel import ordered_map
from breastseg.data.table import PreparedCase, read_table, write_table
from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from breastseg.data.cases import RawCase
    from breastseg.params.data import Data
    from breastseg.params.prepare import Prepare


@dataclass
class _Seen:
    """What is kept of the cases that went by: ids and perceptual hashes, in the same order."""

    case_ids: list[str] = field(default_factory=list)
    hashes: array[int] = field(default_factory=lambda: array("Q"))


def prepare(data: Data, params: Prepare, out: Path, dropped: Path) -> None:
    """Check every raw case and write the prepared table.

    Cases pass through one by one: beside the list of files, a 64-bit hash a case is what is held in memory.

    Args:
        data: The raw folder and its layout.
        params: What to do with faults, and what counts as a near-duplicate.
        out: The prepared table (Parquet).
        dropped: A CSV with the columns `path` (from the data root), `what`, `mend`: what `on_error: drop` left out.

    Raises:
        ProblemsError: There is no case, or there are faults and `on_error` is `fail`. Nothing is written then.
    """
    examined = out.with_name(f".{out.name}.examined")
    try:
        seen, problems = _examine_to(examined, data)
        _check(data.root, params, problems, seen)
        write_table(_regroup(examined, seen, params.duplicate_max_bits), out)
        write_csv(Problem, [_from_root(problem, data.root) for problem in sorted(problems)], dropped)
    finally:
        examined.unlink(missing_ok=True)
        _remove_if_empty(out.parent)


def _examine_to(path: Path, data: Data) -> tuple[_Seen, list[Problem]]:
    """Write the cases without fault to `path`; give what is to be kept of them, and the faults of the others."""
    listing = layout(data.layout).find_cases(Path(data.root))
    cases = sorted(listing.cases, key=lambda case: (case.case_id, case.image))
    shared = {case_id for case_id, count in Counter(case.case_id for case in cases).items() if count > 1}
    seen = _Seen()
    problems = [*listing.problems, *(_clash(case) for case in cases if case.case_id in shared)]
    write_table(_examine_all(cases, data.layout, seen, problems, shared), path)
    return seen, problems


def _clash(case: RawCase) -> Problem:
    mend = "Give every case an id of its own: rename the file, or fill the column case_id of a cases.csv"
    return Problem(case.image, f"has the case id {case.case_id!r} of another case", mend)


def _examine_all(
    cases: Sequence[RawCase], layout_name: str, seen: _Seen, problems: list[Problem], shared: Collection[str]
) -> Iterator[PreparedCase]:
    """Yield the cases without fault; note what is to be kept of them, and the faults of the others.

    Cases with an id in `shared` are looked at as well, so that their other faults are told in the same round.
    """
    results = ordered_map(partial(examine, layout_name=layout_name), cases)
    for result in tqdm(results, desc="prepare", total=len(cases), unit="image"):
        if not isinstance(result, Examined):
            problems += result
        elif result.case.case_id not in shared:
            seen.case_ids.append(result.case.case_id)
            seen.hashes.append(result.perceptual_hash)
            yield result.case


def _check(root: str, params: Prepare, problems: Sequence[Problem], seen: _Seen) -> None:
    if problems and params.on_error == "fail":
        raise ProblemsError(f"{root} cannot be prepared; prepare.on_error: drop leaves these out", problems)
    if not seen.case_ids:
        nothing = Problem(root, "holds no case that can be used", "Check data.root and data.layout")
        raise ProblemsError("No case at all", [nothing, *problems])


def _regroup(examined: Path, seen: _Seen, max_bits: int) -> Iterator[PreparedCase]:
    """Yield the cases again, now with their near-duplicate groups, which take all of them to know."""
    groups = duplicate_groups(seen.case_ids, np.array(seen.hashes, dtype=np.uint64), max_bits)
    for case, group in zip(read_table(examined), groups, strict=True):
        yield replace(case, duplicate_group=group)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # it holds the outs
        folder.rmdir()


def _from_root(problem: Problem, root: str) -> Problem:
    return replace(problem, path=Path(os.path.relpath(problem.path, root)).as_posix())
