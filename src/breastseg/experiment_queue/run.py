"""Works off the queue: every experiment in it ends as a result, or as a failure that is told."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.experiment_queue.mailboxes import Mailboxes
from breastseg.experiment_queue.tasks import State, Tasks
from breastseg.experiment_queue.workers import Workers, are_at
from breastseg.interrupts import as_interrupt
from breastseg.reporting.experiments import repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dvc.repo.experiments.queue.base import QueueEntry

    States = Mapping[QueueEntry, State]

_LOOK_S: Final = 1.0
# how often an experiment may be lost before that is told as its failure
_ATTEMPTS: Final = 3
_WITHOUT_RESULT: Final = {State.RUNNING, State.LOST}
_UNFINISHED: Final = {State.QUEUED, *_WITHOUT_RESULT}


def run_queue(jobs: int, root: Path, tell: Callable[[str], None]) -> None:
    """Run all queued experiments, and those whose workers have died before.

    What is queued meanwhile is run too. Ctrl-C, SIGTERM, SIGHUP and `dvc queue stop` let the
    workers finish what they are at; the rest stays queued.

    Args:
        jobs: How many at once.
        root: The repository.
        tell: Is called with a line for each experiment that starts or ends.

    Raises:
        BreastsegError: Nothing is queued, other workers are at it, or the workers do not work.
        ProblemsError: Experiments have failed; all are named.
        KeyboardInterrupt: It was to end before all is done.
    """
    with repository(root) as repo:
        tasks = Tasks(repo)
        mailboxes = Mailboxes(repo)
        with _alone(Path(tasks.folder)), as_interrupt():
            mailboxes.delete_expired()
            run = _Run(tasks, mailboxes, jobs, tell)
            if not run.unfinished():
                raise BreastsegError("Nothing is queued. Queue experiments with dvc exp run --queue -S …")
            for _ in range(_ATTEMPTS):
                run.put_back_lost()
                run.work_off()
            run.raise_failures()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other calls out, and stay out where workers live; the lock goes with its process, workers may outlive it."""
    lock = FileLock(folder / "breastseg.lock")
    mend = "Wait for them, or run `dvc queue stop`, upon which they finish what they are at"
    refusal = BreastsegError(f"Workers are at this queue already. {mend}")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise refusal from None
    try:
        if are_at(folder):
            raise refusal
        yield
    finally:
        lock.release()


class _Run:
    """One call: the experiments that had ended before it are none of its business."""

    def __init__(self, tasks: Tasks, mailboxes: Mailboxes, jobs: int, tell: Callable[[str], None]) -> None:
        self._tasks, self._mailboxes, self._jobs, self._tell = tasks, mailboxes, jobs, tell
        self._before = {entry for entry, state in tasks.states().items() if state not in _UNFINISHED}
        self._told: dict[QueueEntry, State] = {}

    def unfinished(self) -> list[QueueEntry]:
        return [entry for entry, state in self._states().items() if state in _UNFINISHED]

    def put_back_lost(self) -> None:
        """Queue those again that have no result and can; only when no worker lives is one that runs lost."""
        lost = [entry for entry, state in self._states().items() if state in _WITHOUT_RESULT]
        for entry in lost:
            if self._tasks.is_at_work(entry) or not self._tasks.has_changes(entry):
                continue
            self._tell(f"{entry.name}: was lost, and is queued again")
            self._tasks.put_back(entry)

    def work_off(self) -> None:
        """Have workers run until nothing is left to do for them."""
        workers = Workers(self._jobs, self._tasks.root, Path(self._tasks.folder))
        try:
            while self._is_work_left(workers):
                time.sleep(_LOOK_S)
        except KeyboardInterrupt:
            self._tell("Ending when those that run have ended; the rest stays queued")
            workers.end()
            self._tell_changes(self._states())
            for problem in self._problems():
                self._tell(str(problem))
            raise
        finally:
            workers.end()

    def raise_failures(self) -> None:
        problems = self._problems()
        if problems:
            raise ProblemsError("Some experiments have no result", problems)

    def _problems(self) -> list[Problem]:
        return [
            self._problem(entry, state)
            for entry, state in self._states().items()
            if state is State.FAILED or state in _WITHOUT_RESULT
        ]

    def _problem(self, entry: QueueEntry, state: State) -> Problem:
        if state is State.FAILED:
            return Problem(entry.name, "has failed", f"`dvc queue logs {entry.name}` shows why")
        if not self._tasks.has_changes(entry):
            mend = f"Forget it with `dvc queue kill {entry.name}; dvc queue remove {entry.name}`, and queue it again"
            return Problem(entry.name, "was lost by DVC, and git has collected its changes", mend)
        again = "run this again" if state is State.RUNNING else "queue it again"
        mend = f"{self._tasks.folder}/dvc-exp-worker-*.out may tell why; {again}"
        return Problem(entry.name, "was lost by DVC", mend)

    def _is_work_left(self, workers: Workers) -> bool:
        states = self._states()
        self._tell_changes(states)
        if State.QUEUED in states.values():
            if workers.are_stopped():
                self._tell("The workers were told to stop")
                raise KeyboardInterrupt
            workers.replenish(self._mailboxes.empty)
            return True
        return self._is_somebody_at_work(
            workers, [entry for entry, state in states.items() if state in _WITHOUT_RESULT]
        )

    def _is_somebody_at_work(self, workers: Workers, entries: list[QueueEntry]) -> bool:
        """Tell whether these may still come to a result: `dvc queue start` may have started workers meanwhile."""
        if not entries:
            return False
        at_work = workers.alive() or are_at(Path(self._tasks.folder))
        return at_work or any(self._tasks.is_at_work(entry) for entry in entries)

    def _tell_changes(self, states: States) -> None:
        for entry, state in states.items():
            if self._told.get(entry) is not state:
                self._tell(f"{entry.name}: {state.value}")
        self._told = dict(states)

    def _states(self) -> States:
        return {entry: state for entry, state in self._tasks.states().items() if entry not in self._before}
