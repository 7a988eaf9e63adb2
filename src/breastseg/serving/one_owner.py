"""Keeps two services from keeping their counts in one file, where each would write over the other's."""

from __future__ import annotations

import fcntl
from typing import IO, TYPE_CHECKING

from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from pathlib import Path


def hold(file: Path) -> IO[bytes]:
    """Take a file for this process, until what is returned is closed, or the process ends.

    Args:
        file: Need not be there; the lock is on a hidden one beside it, for it is replaced again and again.

    Raises:
        BreastsegError: Another process has it, or its folder cannot be written to.
    """
    lock = file.with_name(f".{file.name}.lock")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        held = lock.open("wb")
    except OSError as error:
        raise BreastsegError(
            f"{file} cannot be kept ({error.strerror}). Name a file in a folder to write to"
        ) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise BreastsegError(f"Another service keeps its counts in {file}. Name a file of its own for each") from error
    return held
