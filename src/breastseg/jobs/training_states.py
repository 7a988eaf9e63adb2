"""Carries the states of unfinished trainings to a bucket while they run, so that another machine can resume them."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError
from breastseg.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from breastseg.storage import Store

_log = logging.getLogger(__name__)
_STATE = "*/state"
_SECONDS = 5.0


class TrainingStates:
    """The states below a folder, see `training.scratch`, and their copies.

    Args:
        folder: Where trainings keep their states.
        store: Where the copies are.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder, self._store = folder, store
        self._sent: dict[str, int] = {}

    def restore(self) -> None:
        """Bring back the copies of states that are not here.

        Raises:
            BreastsegError: The copies cannot be read.
        """
        for name in self._store.names(_STATE):
            file = self._folder / name
            if not file.exists():
                with replacing(file) as partial:
                    partial.write_bytes(self._store.read(name))

    @contextmanager
    def sent_meanwhile(self, seconds: float = _SECONDS) -> Iterator[None]:
        """Send, every so many seconds and at the end, each state that is new."""
        ended = threading.Event()

        def send_on() -> None:
            while not ended.wait(seconds):
                self._send()

        thread = threading.Thread(target=send_on, name="training-states")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._send()

    def forget_finished(self) -> None:
        """Remove the copies of states that are no longer here, once what they led to is safe."""
        here = {file.relative_to(self._folder).as_posix() for file in self._folder.glob(_STATE)}
        for name in self._store.names(_STATE):
            if name not in here:
                self._store.remove(name)

    def _send(self) -> None:
        for file in self._folder.glob(_STATE):
            name = file.relative_to(self._folder).as_posix()
            try:
                with file.open("rb") as state:
                    # replaced as a whole, never written to: this is one epoch's, whatever comes meanwhile
                    epoch = os.fstat(state.fileno()).st_mtime_ns
                    content = state.read() if self._sent.get(name) != epoch else None
                if content is not None:
                    self._store.write(name, content)
                    self._sent[name] = epoch
            except FileNotFoundError:
                # the training has ended
                continue
            except BreastsegError as error:
                # no reason to end a training: the next epoch is tried again
                _log.warning("A training's last epoch could not be kept: %s", error)
