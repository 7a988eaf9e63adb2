"""Keeps two runs out of one folder of results, where one would take away what the other needs."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK = ".lock"


@contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Hold a folder for this process, which may be killed at any time; the lock's file is gone afterwards.

    Args:
        folder: Is made where it is missing.

    Raises:
        BreastsegError: Another process holds it, or it cannot be written to.
    """
    path = folder / _LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    except OSError as error:
        raise BreastsegError(f"Cannot write to {folder} ({error}). Name with --out a folder that can be") from error
    try:
        _lock(file, folder)
        try:
            yield
        finally:
            path.unlink()
    finally:
        os.close(file)


def _lock(file: int, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BreastsegError(f"Another run writes to {folder.parent}. Wait for it, or name another --out") from error
    # it may have been taken away between opening and locking
    if os.fstat(file).st_nlink == 0:
        raise BreastsegError(f"Another run has just ended in {folder.parent}. Run the command again")
