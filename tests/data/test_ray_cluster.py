"""A Ray cluster that was started beside the command, as on several machines."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.serving.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.nightly

_RAY = str(Path(sys.executable).with_name("ray"))
_PROGRAM = """
from breastseg.data.parallel import ordered_map
from breastseg.errors import BreastsegError
try:
    print(list(ordered_map(abs, [-1, 2], engine="ray")))
except BreastsegError as error:
    print(error)
"""


@contextmanager
def _head(environment: dict[str, str], cpus: int) -> Iterator[str]:
    """Start a cluster of one machine, and yield its address."""
    port = free_port()
    command = [_RAY, "start", "--head", "--block", "--port", str(port), "--node-ip-address", "127.0.0.1"]
    command += ["--num-cpus", str(cpus), "--include-dashboard", "false", "--disable-usage-stats"]
    # the paths of its sockets have to be short
    folder = tempfile.mkdtemp(prefix="ray-")
    try:
        with subprocess.Popen(  # noqa: S603 - ours
            [*command, "--temp-dir", folder],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout
            told = []
            for line in process.stdout:
                told.append(line)
                if "Ray runtime started" in line:
                    break
            try:
                assert "Ray runtime started" in "".join(told[-1:]), "".join(told)
                yield f"127.0.0.1:{port}"
            finally:
                # it ends its own processes then
                process.send_signal(signal.SIGTERM)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answer(environment: dict[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", _PROGRAM], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return inherited | {"HOME": str(tmp_path)}


def test_a_cluster_with_a_token_is_reached_as_the_error_says(environment: dict[str, str]) -> None:
    subprocess.run([_RAY, "get-auth-token", "--generate"], env=environment, check=True, capture_output=True)  # noqa: S603 - ours
    with _head(environment, cpus=1) as address:
        here = environment | {"RAY_ADDRESS": address}
        told = _answer(here)
        assert told.startswith(f"The Ray cluster at {address} cannot be reached")
        assert "wants RAY_AUTH_MODE=token" in told
        assert _answer(here | {"RAY_AUTH_MODE": "token"}) == "[1, 2]"


def test_a_cluster_without_cpus_is_told_in_a_sentence(environment: dict[str, str]) -> None:
    with _head(environment, cpus=0) as address:
        assert _answer(environment | {"RAY_ADDRESS": address}).startswith("The Ray cluster has no CPUs. Add a machine")
