"""Brings a finished run from its bucket into a clone."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from breastseg.data_remote import transfer
from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.jobs.kept_run import KeptRun
from breastseg.storage import Store

if TYPE_CHECKING:
    from pathlib import Path


def fetch_run(place: str, root: Path) -> None:
    """Write a run's params, lock, metrics and plots into a clone of its commit, and pull its data and models.

    Args:
        place: Where `run_job` kept the run.
        root: The clone, which is the current folder.

    Raises:
        ProblemsError: Files that would be overwritten have changes that are not committed.
        BreastsegError: There is no finished run, or the place or the remote cannot be reached.
    """
    kept = KeptRun(Store.open(place))
    record = kept.record()
    if record is None:
        raise BreastsegError(f"{place} holds no run. Name the place that the job was given")
    if not record.finished:
        raise BreastsegError(f"The run in {place} is not finished. Wait for its job, or start it again")
    _require_committed(kept.names(), root)
    kept.restore(root)
    transfer("pull")


def _require_committed(names: list[str], root: Path) -> None:
    command = ["git", "status", "--porcelain", "-z", "--untracked-files=all", "--", *names]
    told = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout  # noqa: S603 - fixed
    changed = [line[3:] for line in told.split("\0") if line]
    if changed:
        mend = "Commit it, or put it back with git checkout"
        raise ProblemsError(
            "The run would overwrite what is not committed",
            [Problem(name, "has changed", mend) for name in changed],
        )
