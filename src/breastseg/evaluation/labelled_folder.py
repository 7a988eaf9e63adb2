"""Reads a labelled folder to be judged, with the same checks, near-duplicates and groups as the pipeline's data."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from breastseg.data.groups import group_cases
from breastseg.data.prepare import Outputs, prepare
from breastseg.data.split_table import SplitRow
from breastseg.data.table import CaseRow, PreparedCase, read_rows, read_table
from breastseg.errors import BreastsegError, Problem, ProblemsError, printable
from breastseg.folders import folder_fault, is_utf8
from breastseg.params.data import Data
from breastseg.params.prepare import Prepare

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# as in params.yaml: which images are near-duplicates decides what the intervals resample
DUPLICATE_SIMILARITY = 0.8
# the pipeline's errors name params, a command's errors name its options
_OPTIONS = {"data.root": "--root", "data.layout": "--layout"}


@dataclass(frozen=True)
class LabelledFolder:
    """Which images are judged.

    Attributes:
        root: The data set's folder or its parent.
        layout: One of `params.data.Layout`.
        on_error: `fail` or `drop`; see `params.prepare.Prepare`.
    """

    root: Path
    layout: str
    on_error: str


@dataclass(frozen=True)
class FolderCases:
    """The cases of a folder, checked and grouped; images and masks stay on disk.

    Attributes:
        rows: What is known about each case, in the order of their ids.
        dropped: Number of faults that cost a case, or a file, its place.
    """

    rows: tuple[CaseRow, ...]
    dropped: int
    _table: Path

    def places(self) -> dict[str, SplitRow]:
        """Every case is a test case, in the group that intervals resample."""
        groups = group_cases(self.rows)
        return {
            row.case_id: SplitRow(row.case_id, group, 0, "test") for row, group in zip(self.rows, groups, strict=True)
        }

    def read(self, case_ids: Iterable[str] | None = None) -> Iterator[PreparedCase]:
        """Read cases one by one, all without `case_ids`."""
        return read_table(self._table, None if case_ids is None else set(case_ids))


def read_folder(folder: LabelledFolder, scratch: Path, dropped: Path) -> FolderCases:
    """Check every image and mask of a folder, find near-duplicates, and keep the cases in a table on disk.

    Args:
        folder: The images.
        scratch: A folder for the table; as long as it stands, cases can be read.
        dropped: The CSV of what `on_error: drop` left out: `path` (from the root), `what`, `mend`.

    Raises:
        BreastsegError: The layout or `on_error` is unknown, or the root is not a folder.
        ProblemsError: The folder does not fit the layout, or holds faults and `on_error` is `fail`; all are listed.
    """
    data, params = _validated(folder)
    table = scratch / "cases.parquet"
    try:
        prepare(data, params, _outputs(scratch, table, dropped))
    except ProblemsError as error:
        # the pipeline offers to drop cases only where that helps
        way_out = "; --on-error drop leaves faulty cases out" if "on_error: drop" in str(error) else ""
        title = f"{printable(folder.root.as_posix())} cannot be read in the layout {folder.layout}{way_out}"
        raise ProblemsError(title, [_in_terms_of_options(problem) for problem in error.problems]) from error
    return FolderCases(tuple(read_rows(table)), _count_lines(dropped), table)


def _validated(folder: LabelledFolder) -> tuple[Data, Prepare]:
    root = folder.root.as_posix()
    if not is_utf8(root):
        raise BreastsegError(f"--root {printable(root)} has a name that is not UTF-8. Rename it")
    if why := folder_fault(root):
        raise BreastsegError(f"--root {printable(root)} {why}. Name the data set's folder or its parent")
    try:
        return (
            Data.model_validate({"layout": folder.layout, "root": folder.root.as_posix(), "sets": {}}),
            Prepare.model_validate(
                {
                    "on_error": folder.on_error,
                    "duplicate_similarity": DUPLICATE_SIMILARITY,
                    "contradictions": "keep",
                }
            ),
        )
    except ValidationError as error:
        fault = error.errors()[0]
        option = "-".join(str(part) for part in fault["loc"]).replace("_", "-")
        raise BreastsegError(f"--{option} {fault['input']} is unknown. {fault['msg']}") from error


def _outputs(scratch: Path, table: Path, dropped: Path) -> Outputs:
    """What is of no use here goes with the scratch folder."""
    return Outputs(
        table=table,
        dropped=dropped,
        near_pairs=scratch / "near_pairs.csv",
        contradictions=scratch / "contradictions.csv",
        sheet=scratch / "near_pairs.png",
    )


def _in_terms_of_options(problem: Problem) -> Problem:
    mend = problem.mend
    for param, option in _OPTIONS.items():
        mend = mend.replace(param, option)
    return replace(problem, mend=mend)


def _count_lines(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.DictReader(file))
