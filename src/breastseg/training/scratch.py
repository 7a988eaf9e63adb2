"""Keeps the state of an unfinished training outside of DVC's reach, so that a killed run resumes exactly."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)
_DIGEST_BYTES: Final = hashlib.sha256().digest_size


@dataclass(frozen=True)
class TrainingState:
    """All that the next epoch depends on.

    Attributes:
        task: Weights, buffers and moving average.
        optimizer: State of the optimiser.
        schedule: State of the learning-rate schedule.
        history: A row an epoch: what the curves show.
        best: Weights of the best epoch so far.
    """

    task: dict[str, Any]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    history: list[dict[str, float]]
    best: dict[str, torch.Tensor]


class Scratch:
    """The folder of one training, named after all that decides its result.

    Args:
        root: Folder of all trainings.
        key: What decides the result, hashed.
    """

    def __init__(self, root: Path, key: str) -> None:
        self._root, self._key = root, key
        self._folder = root / key
        self._file = self._folder / "state"
        self._owner = self._folder / "process"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder alone; wait for a trainer that still runs, for example because it outlived its dvc.

        The operating system releases the lock of a process that dies. Whoever waits holds the queue's lock meanwhile,
        which tells the trainer in front that its state will be wanted.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        mine = FileLock(self._root / f"{self._key}.lock")
        with self._queue():
            try:
                mine.acquire(timeout=0)
            except Timeout:
                self._tell_about_owner()
                mine.acquire()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)  # the trainer in front may have removed it
            self._owner.write_text(f"{os.getpid()}\n", encoding="ascii")
            yield
        finally:
            mine.release()

    def read(self) -> TrainingState | None:
        """Return the last complete state, or none where there is none; a damaged one is told of and not used."""
        try:
            digest, payload = _split(self._file.read_bytes())
        except FileNotFoundError:
            return None
        if hashlib.sha256(payload).digest() != digest:
            _log.warning("%s is damaged: it is not used, training starts at the first epoch", self._file)
            return None
        return TrainingState(**torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True))

    def write(self, state: TrainingState) -> None:
        """Replace the state at once: a reader finds the old one or the new one, whenever the writer is killed."""
        buffer = io.BytesIO()
        torch.save(vars(state), buffer)
        partial = self._file.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(hashlib.sha256(buffer.getbuffer()).digest())
            file.write(buffer.getbuffer())
        partial.replace(self._file)

    def clear(self) -> None:
        """Remove the state of a finished training, unless another trainer waits to carry on from it."""
        try:
            with self._queue(timeout=0):
                shutil.rmtree(self._folder)
        except Timeout:
            _log.info("Another trainer waits for this state: it is left to it")

    def _queue(self, timeout: float = -1) -> FileLock:
        return FileLock(self._root / f"{self._key}.queue.lock", timeout=timeout)

    def _tell_about_owner(self) -> None:
        process = self._owner.read_text(encoding="ascii").strip() if self._owner.exists() else "ID"
        _log.warning(
            "Another process is at this very training, probably because it outlived its dvc. Waiting for it, then"
            " carrying on from its state; to carry on at once, end it with `kill %s`",
            process,
        )


def _split(content: bytes) -> tuple[bytes, bytes]:
    return content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
