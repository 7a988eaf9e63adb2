"""Clears workers' mailboxes: each is a name's, so the next worker of that name would obey what the last did not read.

A worker about to end reads no more messages. Meanwhile its monitor may see an empty queue, and send it the shutdown.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvc.repo import Repo


class Mailboxes:
    """The mailboxes of all workers of DVC's queue.

    Args:
        repo: The open repository.
    """

    def __init__(self, repo: Repo) -> None:
        self._celery = repo.experiments.celery_queue.celery
        self._folder = Path(self._celery.conf.broker_transport_options["data_folder_in"])

    def delete_expired(self) -> None:
        """Delete what was to be read within a second, such as a `dvc queue stop` when no worker lived."""
        self._celery.clean()

    def empty(self, worker: str) -> None:
        """Delete what the ended worker of this name alone was sent; a `dvc queue stop` is sent to all, and holds."""
        for path in self._folder.glob(f"*.{worker}.celery.pidbox.msg"):
            # one without text is being written
            if (text := path.read_bytes()) and _is_to_one(text):
                path.unlink()


def _is_to_one(message: bytes) -> bool:
    return bool(json.loads(base64.b64decode(json.loads(message)["body"]))["destination"])
