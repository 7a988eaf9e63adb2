"""A real server: `breastseg serve` in a process of its own, asked over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import httpx2
import psutil
import pytest

from benchmarks.serving.process import free_port
from tests.onnx_models import write_model
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVE = [sys.executable, "-m", "breastseg.cli", "serve"]
SOURCE = Path(__file__).resolve().parents[2] / "src"
# no request of a test fails because the machine is busy
PATIENT = dict.fromkeys(("inference_timeout_s", "body_timeout_s", "shutdown_grace_s"), "120")


@pytest.fixture(scope="session")
def server(model_path: Path) -> Iterator[Server]:
    """A server with default settings, which no test may change or end."""
    with running_server(model_path) as server:
        yield server


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "model.onnx")


def environment(**settings: str) -> dict[str, str]:
    """The environment without settings of the service, but for these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BREASTSEG_")}
    return kept | {"PYTHONPATH": str(SOURCE)} | {f"BREASTSEG_{name.upper()}": value for name, value in settings.items()}


class Server(httpx2.Client):
    """Asks the server; its process, for signals, beside."""

    process: subprocess.Popen[bytes]

    def connections(self) -> int:
        """How many connections are open at the server."""
        found = psutil.Process(self.process.pid).net_connections("tcp")
        return sum(connection.status == psutil.CONN_ESTABLISHED for connection in found)


@contextmanager
def running_server(model: Path, log_file: Path | None = None, /, **settings: str) -> Iterator[Server]:
    """Start the server on a free port, wait until it is ready, and see it end with status 0 when it is told to.

    Args:
        model: The ONNX file.
        log_file: Where its output goes; to a file of its own if there is none.
        **settings: Names and values without `BREASTSEG_`.
    """
    port = free_port()
    command = [*SERVE, "--model", str(model), "--port", str(port)]
    with (
        # a pipe that nobody reads would fill up and stop the server
        log_file.open("w+", encoding="utf-8") if log_file else tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, env=environment(**PATIENT | settings), stdout=log, stderr=log) as process,  # noqa: S603 - ours
        Server(base_url=f"http://127.0.0.1:{port}", timeout=120) as client,
    ):
        client.process = process
        try:
            _wait_until_ready(process, client, log)
            yield client
        finally:
            process.terminate()
    assert process.returncode == 0


def _wait_until_ready(process: subprocess.Popen[bytes], client: httpx2.Client, log: IO[str]) -> None:
    def is_ready() -> bool:
        assert process.poll() is None, f"the server did not become ready: {logged(log)}"
        try:
            return client.get("/health/ready").status_code == httpx2.codes.OK
        except httpx2.ConnectError:
            return False

    wait_until(is_ready, shown=lambda: logged(log))


def logged(log: IO[str]) -> str:
    log.seek(0)
    return log.read()
