"""Runs the pipeline stage by stage, and keeps each stage's outs before the next one begins."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dvc.exceptions import InvalidArgumentError
from dvc.utils.hydra import apply_overrides

from breastseg.data_remote import transfer
from breastseg.errors import BreastsegError
from breastseg.interrupts import as_interrupt, ended_with_us
from breastseg.jobs.kept_run import PARAMS, KeptRun, Record
from breastseg.jobs.machines import is_first, meeting_place
from breastseg.jobs.training_states import TrainingStates
from breastseg.params.yaml_text import parse_yaml
from breastseg.storage import Store

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_job(place: str, overrides: Sequence[str], root: Path, remote: str | None = None) -> None:
    """Run the pipeline, or what is left of it after the machine before was taken away.

    Outs and run-cache go to DVC's default remote, files that git would hold and states of unfinished trainings to
    `place`. Whenever this process ends, the next call, on whatever machine of the same kind, goes on: with the stage
    that was under way, and in it with the epoch. SIGTERM, as before a machine is taken away, ends the stage too.

    Of several machines (`train.nodes`) all run this; they meet in the stages that train, and the first alone keeps.

    Args:
        place: The run's folder or bucket, such as gs://bucket/runs/larger-images; nothing else may be there.
        overrides: Changes of `params.yaml`, as `dvc exp run -S` takes them.
        root: A tree of the project, which is the current folder.
        remote: Where DVC keeps data, such as gs://bucket/breastseg; None: the tree's own default remote.

    Raises:
        BreastsegError: A stage has failed, the remote or the place cannot be reached, the place is another run's, or
            the job was interrupted.
    """
    try:
        with as_interrupt():
            _run_all(place, overrides, root, remote)
    except KeyboardInterrupt as error:
        raise BreastsegError("Interrupted. Start the job again: it goes on where it was") from error


def _run_all(place: str, overrides: Sequence[str], root: Path, remote: str | None) -> None:
    if remote:
        _run_dvc("remote", "add", "--quiet", "--local", "--force", "--default", "job", remote)
    os.environ.update(meeting_place(os.environ))
    kept = KeptRun(Store.open(place))
    states = TrainingStates(root / ".scratch" / "training", Store.open(f"{place}/states"))
    unfinished = Record(overrides=tuple(overrides), finished=False)
    _begin(kept, unfinished, place, root)
    transfer("pull", may_lack=True)
    if not is_first(os.environ):
        _run_dvc("repro", "--pull")
        return
    states.restore()
    for stage in parse_yaml((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]:
        with states.sent_meanwhile():
            _run_dvc("repro", "--pull", stage)
        transfer("push", stage)
        kept.keep(unfinished, root)
        states.forget_finished()
    transfer("push")
    kept.keep(Record(overrides=tuple(overrides), finished=True), root)


def _begin(kept: KeptRun, record: Record, place: str, root: Path) -> None:
    """Restore what an earlier machine left, or start with the tree as it is."""
    before = kept.record()
    if before is None:
        _override(root / PARAMS, record.overrides)
        if is_first(os.environ):
            kept.keep(record, root)
        return
    if before.overrides != record.overrides:
        theirs = " ".join(before.overrides) or "none"
        raise BreastsegError(f"{place} is a run with other changes of params.yaml ({theirs}). Name another place")
    if not _has_params(root, kept.params(), record.overrides):
        mend = "Name another place, or start the job from the tree or image that began it"
        raise BreastsegError(f"{place} is a run with another params.yaml than this tree's. {mend}")
    kept.restore(root)


def _has_params(root: Path, expected: str, overrides: Sequence[str]) -> bool:
    """Tell whether a tree's params, as they are or after the changes, are the expected ones; they stay as they are."""
    wanted = parse_yaml(expected)
    if parse_yaml((root / PARAMS).read_text(encoding="utf-8")) == wanted:
        # some changes, such as an added key, cannot be made twice
        return True
    with TemporaryDirectory() as folder:
        changed = Path(shutil.copy(root / PARAMS, folder))
        _override(changed, overrides)
        return bool(parse_yaml(changed.read_text(encoding="utf-8")) == wanted)


def _override(params: Path, overrides: Sequence[str]) -> None:
    try:
        apply_overrides(str(params), list(overrides))
    except InvalidArgumentError as error:
        raise BreastsegError(f"params.yaml cannot be changed by {' '.join(overrides)}: {error.__cause__}") from error


def _run_dvc(*arguments: str) -> None:
    # what a stage prints is for whoever reads the job's log
    dvc = subprocess.Popen([sys.executable, "-m", "dvc", *arguments], start_new_session=True)  # noqa: S603 - ours
    with dvc, ended_with_us(dvc):
        dvc.wait()
    if dvc.returncode:
        raise BreastsegError(f"`dvc {' '.join(arguments)}` has failed, as said above. Mend it, and start the job again")
