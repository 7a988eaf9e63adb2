"""Starts workers of DVC's queue as children of this process, so that it knows of each whether it still lives."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from breastseg.errors import BreastsegError
from breastseg.experiment_queue.processes import lives
from breastseg.inference.cpus import usable_cpus
from breastseg.interrupts import ignored

if TYPE_CHECKING:
    from collections.abc import Callable

_READY_S: Final = 120.0
_LOOK_S: Final = 0.1
# crashes a worker: more are no bad luck
_CRASHES: Final = 3


class Workers:
    """Up to `jobs` workers; each takes one experiment after the other.

    Args:
        jobs: How many.
        root: The repository; DVC has an experiment run in the same folder of its copy as its worker.
        folder: Where the queue keeps its files, and each worker its log.
    """

    def __init__(self, jobs: int, root: Path, folder: Path) -> None:
        self._jobs, self._root, self._folder = jobs, root, folder
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._log_starts: dict[int, int] = {}
        self._crashes = 0

    def alive(self) -> bool:
        """Tell whether any worker lives."""
        return any(process.poll() is None for process in self._processes.values())

    def are_stopped(self) -> bool:
        """Tell whether one was told from outside to end, not by its own monitor because it had nothing to do."""
        return any(self._was_told(number) for number in self._processes)

    def replenish(self, empty_mailbox: Callable[[str], None]) -> None:
        """Start the workers that are missing.

        The first has to be ready before the others start: in a fresh clone each would make the list of who is to be
        sent messages, and the last would overwrite it.

        Args:
            empty_mailbox: Deletes what an ended worker of this name was still sent.

        Raises:
            BreastsegError: They keep failing, or the first does not get ready.
        """
        for number in range(1, self._jobs + 1):
            process = self._processes.get(number)
            if process is None or process.poll() is not None:
                self._count_crash(process)
                first = not self.alive()
                empty_mailbox(self._name(number))
                self._processes[number] = self._start(number)
                if first:
                    self._wait(number)

    def end(self) -> None:
        """Have the workers end after the experiment that they are at, and wait for that."""
        with ignored():
            for process in self._processes.values():
                process.terminate()
            for process in self._processes.values():
                process.wait()

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dvc", "exp", "queue-worker", self._name(number)]
        with self._log(number).open("ab") as log:
            self._log_starts[number] = log.tell()
            # a session of its own: `dvc queue kill` interrupts the worker's whole group, Ctrl-C that of the terminal
            return subprocess.Popen(  # noqa: S603 - a fixed command
                command,
                cwd=self._root,
                env=_environment(self._jobs),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _was_told(self, number: int) -> bool:
        # without the word it was killed, or `dvc queue kill` has interrupted it with its experiment; the worker's own
        # monitor may see an empty queue, and say so, after the word from outside
        before, word, _ = self._said(number).partition(b"Got shutdown from remote")
        return bool(word) and b"shutting down due to empty queue" not in before

    def _said(self, number: int) -> bytes:
        return self._log(number).read_bytes()[self._log_starts[number] :]

    def _name(self, number: int) -> str:
        return f"{_names(self._folder)}{number}@localhost"

    def _log(self, number: int) -> Path:
        return self._folder / f"dvc-exp-worker-{number}.out"

    def _wait(self, number: int) -> None:
        # no ping: it waits a second for the answer, and on a busy machine that may take longer each time
        deadline = time.monotonic() + _READY_S
        while self._processes[number].poll() is None and b" ready." not in self._said(number):
            if time.monotonic() > deadline:
                raise BreastsegError(f"The first worker does not get ready. {self._logs}")
            time.sleep(_LOOK_S)

    def _count_crash(self, process: subprocess.Popen[bytes] | None) -> None:
        self._crashes += process is not None and process.returncode != 0
        if self._crashes > _CRASHES * self._jobs:
            raise BreastsegError(f"Workers of the queue keep failing. {self._logs}")

    @property
    def _logs(self) -> str:
        return f"Their logs tell why: {self._folder}/dvc-exp-worker-*.out"


def are_at(folder: Path) -> bool:
    """Tell whether workers of a queue live, whoever started them; a ping would miss those that are starting or busy."""
    return lives(_names(folder))


def _names(folder: Path) -> str:
    """How the names of a queue's workers begin, as `dvc queue start` gives them."""
    return f"dvc-exp-{hashlib.sha256(str(folder).encode()).hexdigest()[:6]}-"


def _environment(jobs: int) -> dict[str, str]:
    """This interpreter's programs come first, and the processors are shared out, unless the user has done so."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    threads = str(max(1, usable_cpus() // jobs))
    return {"OMP_NUM_THREADS": threads, **os.environ, "PATH": path}
