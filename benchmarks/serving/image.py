"""Runs an image's files as a strict host would, and measures its start, its memory under load and its end.

Usage, as root on Linux: python -m benchmarks.serving.image TREE IMAGES… [--clients 64] [--seconds 15]

TREE is the image unpacked: `docker export` of a container, or `buildah mount`. It is bound read-only in a mount
namespace of its own and entered with chroot, as user 10001, without any capability or the way to a new one, so that no
container engine is needed. Answers are compared with nothing here: see `benchmarks.serving.load`.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Annotated

import psutil
import typer

from benchmarks.serving.client import OK, closed_loop, upload_request
from benchmarks.serving.load import read_images
from benchmarks.serving.process import free_port

USER = "10001"
PATH = "/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# the image's own, see Dockerfile.serve; a tree has no record of them
VARIABLES = {
    "PATH": PATH,
    "PYTHONPATH": "/app/src",
    "PYTHONDONTWRITEBYTECODE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "BREASTSEG_MODEL": "/app/model.onnx",
    "BREASTSEG_HOST": "127.0.0.1",
}
ENTER = """
mount --rbind "$1" "$1" && mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc"
mount -o remount,bind,ro "$1"
cd "$1" && shift
exec chroot . setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups --no-new-privs \\
  --bounding-set=-all --inh-caps=-all "$@"
"""


def command(tree: Path) -> list[str]:
    """Return the command that enters the tree and serves."""
    return [
        *("unshare", "--mount", "--propagation", "private", "sh", "-euc", ENTER, "sh", str(tree.resolve())),
        *("python", "-m", "breastseg.cli", "serve"),
    ]


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> float:
    """Return the moment of `time.perf_counter` when the server was ready."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=5):  # noqa: S310 - loopback
                return time.perf_counter()
        except OSError:
            time.sleep(0.01)
    raise typer.BadParameter(f"the tree does not serve: it ended with {process.returncode}")


def watch_memory(process: subprocess.Popen[bytes], over: threading.Event) -> list[float]:
    """Return megabytes resident, four times a second until `over` is set."""
    server, seen = psutil.Process(process.pid), []
    while not over.wait(0.25):
        family = [server, *server.children(recursive=True)]
        seen.append(sum(member.memory_info().rss for member in family) / 1e6)
    return seen


def load(process: subprocess.Popen[bytes], url: str, requests: list[bytes], clients: int, seconds: float) -> str:
    """Ask for a while, and tell how many answers there were and how much memory it took."""
    over, seen = threading.Event(), list[float]()
    watcher = threading.Thread(target=lambda: seen.extend(watch_memory(process, over)))
    watcher.start()
    answers = asyncio.run(closed_loop(url, requests, clients, seconds))
    over.set()
    watcher.join()
    bad = sum(answer.status != OK for answer in answers)
    memory = f"{median(seen):.0f} MB resident, {max(seen):.0f} MB at most"
    return f"{len(answers)} requests of {clients} clients in {seconds:.0f} s, {bad} failed; {memory}"


def main(
    tree: Annotated[Path, typer.Argument(help="The unpacked image", file_okay=False, exists=True)],
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them")],
    clients: Annotated[int, typer.Option(help="Clients at once")] = 64,
    seconds: Annotated[float, typer.Option(help="How long they ask")] = 15,
) -> None:
    """Print a line each of the start, the load and the end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    requests = [upload_request("/v1/segment", image) for image in read_images(images, 50)]
    started = time.perf_counter()
    own = VARIABLES | {"BREASTSEG_PORT": str(port), "USER_ID": USER}
    with subprocess.Popen(command(tree), env=own, stdout=subprocess.DEVNULL) as process:  # noqa: S603 - ours
        try:
            typer.echo(f"ready {wait_until_ready(url, process) - started:.2f} s after the start")
            typer.echo(load(process, url, requests, clients, seconds))
            told = time.perf_counter()
            process.send_signal(signal.SIGTERM)
            status = process.wait(timeout=60)
            typer.echo(f"exit status {status} {time.perf_counter() - told:.1f} s after SIGTERM")
        finally:
            process.kill()


if __name__ == "__main__":
    typer.run(main)
