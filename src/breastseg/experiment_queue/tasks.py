"""Tells what became of each experiment in DVC's queue, and puts those back that it has lost.

A worker and whoever writes it a message share a folder, and the message can be read before it is written (kombu's
transport by files opens, then locks, then writes). The worker ends on it; if it was an experiment's, DVC shows that as
running for ever. DVC also takes an experiment for done whose commit it failed to fetch from the temporary copy.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery.result import AsyncResult
from dvc.repo.experiments.queue.tasks import run_exp
from dvc.repo.experiments.refs import ExpRefInfo
from scmrepo.exceptions import SCMError

from breastseg.experiment_queue.processes import lives

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvc.repo import Repo
    from dvc.repo.experiments.queue.base import QueueEntry


class State(Enum):
    """What became of an experiment; `LOST` is one that has neither a result nor a log of a stage."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost by DVC"


class Tasks:
    """The experiments in DVC's queue.

    Args:
        repo: The open repository.

    Attributes:
        root: The repository's folder.
    """

    def __init__(self, repo: Repo) -> None:
        self.root = Path(repo.root_dir)
        self._scm = repo.scm
        self._queue = repo.experiments.celery_queue

    @property
    def folder(self) -> str:
        """Where the queue and its workers keep their files."""
        folder: str = self._queue.wdir
        return folder

    def states(self) -> dict[QueueEntry, State]:
        """Look at all experiments that the queue knows."""
        # in this order, since an experiment that is taken meanwhile goes from the one to the other
        queued = dict.fromkeys(self._queue.iter_queued(), State.QUEUED)
        return {entry: self._state(message, entry) for message, entry in self._taken()} | queued

    def is_at_work(self, entry: QueueEntry) -> bool:
        """Tell whether an experiment's own command lives; it goes on when its worker is killed."""
        return lives(self._queue.get_infofile_path(entry.stash_rev))

    def has_changes(self, entry: QueueEntry) -> bool:
        """Tell whether git still has what the experiment starts from; of one that was taken it may collect that."""
        return self._made_s(entry.stash_rev) is not None

    def put_back(self, lost: QueueEntry) -> None:
        """Queue an experiment again as it was; no worker may run, nor its own command."""
        for message, entry in self._taken():
            if entry == lost:
                self._stash(entry)
                arguments, keywords, _ = message.decode()
                self._queue.celery.signature(run_exp.s(*arguments, **keywords)).delay()
                if self._result(message).ready():
                    self._result(message).forget()
                self._queue.celery.purge(message.delivery_tag)

    def _taken(self) -> Iterator[tuple[Any, QueueEntry]]:
        """Messages that workers have taken; they stay when the experiment has ended."""
        yield from list(self._queue._iter_processed())  # noqa: SLF001 - `dvc queue status` does so; nothing public has it

    def _state(self, message: Any, entry: QueueEntry) -> State:  # noqa: ANN401 - kombu ships no types
        state = self._recorded(message, entry)
        return State.DONE if state in {State.RUNNING, State.LOST} and self._is_in_git(entry) else state

    def _recorded(self, message: Any, entry: QueueEntry) -> State:  # noqa: ANN401 - kombu ships no types
        if not self._result(message).ready():
            return State.RUNNING
        if self._queue.proc.get(entry.stash_rev) is None:
            return State.LOST
        outcome = self._queue._load_info(entry.stash_rev).result  # noqa: SLF001 - as above
        if outcome is None or outcome.ref_info is None:
            return State.FAILED
        return State.DONE if self._scm.get_ref(str(outcome.ref_info)) else State.LOST

    def _is_in_git(self, entry: QueueEntry) -> bool:
        """Tell whether git has the result, whatever became of DVC's records."""
        rev = self._scm.get_ref(str(ExpRefInfo(entry.baseline_rev, entry.name)))
        # `dvc exp run --queue --force` takes the name of an older one, which is there until this one has ended
        return rev is not None and (self._made_s(rev) or 0) > (self._made_s(entry.stash_rev) or 0)

    def _made_s(self, rev: str) -> int | None:
        """When a commit was made, in seconds of the epoch; None if git does not have it."""
        try:
            made: int = self._scm.resolve_commit(rev).commit_time
        except SCMError:
            return None
        return made

    def _result(self, message: Any) -> AsyncResult:  # noqa: ANN401 - kombu ships no types
        return AsyncResult(message.headers["id"], app=self._queue.celery)

    def _stash(self, entry: QueueEntry) -> None:
        """Have git keep the experiment's changes, as DVC does until a worker takes it."""
        stash = self._queue.stash
        if entry.stash_rev not in stash.stash_revs:
            text = stash.format_message(entry.head_rev, entry.baseline_rev, entry.name, entry.branch)
            self._scm.set_ref(stash.ref, entry.stash_rev, message=f"commit: {text}")
