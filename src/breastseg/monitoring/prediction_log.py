"""Keeps a line of each answer in files that only grow, so that a kill loses nothing that was acknowledged.

Every process writes parts of its own, each locked while it is written to: whoever finds a part unlocked may read it to
its end, pack it and take it away. A line reaches the operating system before the answer leaves; against a loss of
power nothing is promised. A disk that is full costs lines, which are counted, never an answer.
"""

from __future__ import annotations

import fcntl
import logging
import os
import random
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from breastseg.monitoring.prediction import Prediction

_log = logging.getLogger(__name__)

PARTS = "predictions-*.jsonl"
"""How parts are called."""

_DAY_S = 86_400.0
# a full disk stays full for a while, and would fill the service's own log as well
_SECONDS_BETWEEN_WARNINGS = 60.0


@dataclass(frozen=True)
class Keeping:
    """What is kept, and for how long.

    Attributes:
        share: Share of the answers that get a line, 0..1.
        retention_days: Parts that nothing was written to for so long are removed.
        part_bytes: A part that has grown beyond it is followed by a new one.
        part_s: The same for its age in seconds.
    """

    share: float = 1.0
    retention_days: float = 30.0
    part_bytes: int = 16_000_000
    part_s: float = 3600.0


class PredictionLog:
    """Appends lines to a folder; may be used from several threads.

    Args:
        folder: Made where it is missing. Processes may share it.
        keeping: What is kept.

    Raises:
        BreastsegError: Files cannot be made in the folder.

    Attributes:
        written: Lines that were appended since the start.
        lost: Lines that could not be.
    """

    def __init__(self, folder: Path, keeping: Keeping) -> None:
        self._folder, self._keeping = folder, keeping
        self._lock = threading.Lock()
        self._part: _Part | None = None
        self._warned = -_SECONDS_BETWEEN_WARNINGS
        self.written = self.lost = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BreastsegError(_unusable(folder, error.strerror)) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise BreastsegError(_unusable(folder, "Permission denied"))

    def wants(self) -> bool:
        """Tell whether the next answer is among those that get a line."""
        # nothing hangs on whether it can be guessed
        return random.random() < self._keeping.share  # noqa: S311

    def append(self, prediction: Prediction) -> None:
        """Append a line; one that cannot be written is counted and told in the service's log."""
        line = prediction.model_dump_json().encode() + b"\n"
        with self._lock:
            try:
                self._current().append(line)
            except OSError as error:
                self.lost += 1
                self._warn(f"The prediction log loses lines, {self.lost} by now", error)
            else:
                self.written += 1

    def rest(self) -> None:
        """Let go of a part that is over and remove those that are too old, though no line comes: call it at times."""
        with self._lock:
            if self._part and self._part.is_over(self._keeping):
                self._let_go()
            self._forget()

    def close(self) -> None:
        """Let go of the part, so that it may be packed; a line that comes later begins a new one."""
        with self._lock:
            self._let_go()

    def _current(self) -> _Part:
        if self._part and self._part.is_over(self._keeping):
            self._let_go()
        if self._part is None:
            self._forget()
            self._part = _Part(self._folder)
        return self._part

    def _let_go(self) -> None:
        if self._part:
            self._part.close()
            self._part = None

    def _forget(self) -> None:
        """Remove parts that are too old, but for those that another process still writes to."""
        oldest = time.time() - self._keeping.retention_days * _DAY_S
        for path in self._folder.glob(PARTS):
            try:
                if path.stat().st_mtime < oldest:
                    self._forget_part(path)
            except FileNotFoundError:
                # another process was sooner
                continue
            except OSError as error:
                # an old file that cannot be removed, such as another user's, keeps no new line from being written
                self._warn(f"{path.name} cannot be removed, which is older than it should get", error)

    def _forget_part(self, path: Path) -> None:
        with lock_part(path) as locked:
            if locked:
                path.unlink()
                _log.warning("%s was removed, older than %g days", path.name, self._keeping.retention_days)

    def _warn(self, what: str, error: OSError) -> None:
        now = time.monotonic()
        if now - self._warned >= _SECONDS_BETWEEN_WARNINGS:
            self._warned = now
            _log.error("%s: %s", what, error.strerror)


class _Part:
    """A file that is written to, and locked for as long."""

    def __init__(self, folder: Path) -> None:
        self._started = time.monotonic()
        self._size, self._torn = 0, False
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        # a name of its own: appending to what is there would go on after a line that was cut
        path = folder / PARTS.replace("*", f"{now}-{secrets.token_hex(4)}")
        # under its name only once it is locked: nobody may find it unlocked and take it away
        hidden = folder / f".{path.name}"
        self._file = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            hidden.rename(path)
        except OSError:
            os.close(self._file)
            hidden.unlink(missing_ok=True)
            raise

    def append(self, line: bytes) -> None:
        """Append a line as a whole, or nothing of it."""
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            self._torn = True
            # shortening takes no space; the next line begins where this one did
            os.ftruncate(self._file, self._size)
            self._torn = False
            raise
        self._size += len(line)

    def is_over(self, keeping: Keeping) -> bool:
        """Tell whether a new part has to follow: it is large, old, ends in a cut line, or was removed."""
        worn = self._size >= keeping.part_bytes or time.monotonic() - self._started >= keeping.part_s
        return worn or self._torn or os.fstat(self._file).st_nlink == 0

    def close(self) -> None:
        """Let go of it, and of its lock."""
        os.close(self._file)


@contextmanager
def lock_part(path: Path) -> Iterator[bool]:
    """Hold a part that nobody writes to, and tell whether it could be had: not if another process holds it.

    Raises:
        FileNotFoundError: It is not there any more.
        OSError: It cannot be opened for writing, or its folder knows no locks.
    """
    # for writing, though nothing is written: network file systems lock for it only what may be written to
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield _locks(file)
    finally:
        os.close(file)


def _locks(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # it may have been taken away between opening and locking
    return os.fstat(file).st_nlink > 0


def _unusable(folder: Path, reason: str | None) -> str:
    return f"No prediction log can be kept in {folder}: {reason}. Name a folder that the service may write to"
