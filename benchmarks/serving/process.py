"""Starts servers in processes of their own, on free ports of loopback, and ends them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START_SECONDS = 120


class ServerError(Exception):
    """A server did not start."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str], url: str, ready: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server, wait until it answers 200 at `ready`, and end it with its children afterwards.

    Args:
        command: The program with its arguments.
        url: Where it listens.
        ready: Path that answers 200 once the server is ready.
        **variables: Environment variables beside those of this process.

    Raises:
        ServerError: It ended or was not ready in time; with what it wrote.
    """
    with (
        tempfile.TemporaryFile("w+") as log,
        # a group of its own, so that workers end with it
        subprocess.Popen(  # noqa: S603 - ours
            command, env=os.environ | variables, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            if not _becomes_ready(process, url + ready):
                log.seek(0)
                raise ServerError(f"{' '.join(command)} did not start:\n{log.read()[-3000:]}")
            yield process
        finally:
            _end(process)


def _becomes_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - loopback
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=30)
    # what is left of its group, such as workers that do not see their parent go
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
