"""Cost of hostile files to the service, as ratios to an ordinary image.

Usage: python -m benchmarks.serving.hostile MODEL.onnx [--worst 10]

Starts the service itself, on loopback, with one thread, and sends it the tests' corpus of damaged, lying and oversized
files with all three pictures requested. Prints the files that cost most: their processor time as a multiple of the
ordinary image's, which itself has as many pixels as the service accepts, and the peak memory of the service as a
multiple of what it holds once that image is answered.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import httpx2
import psutil
import typer

from benchmarks.serving.largest import largest_png
from benchmarks.serving.process import free_port, running
from tests.hostile_files import hostile_files

if TYPE_CHECKING:
    from subprocess import Popen

_PARAMS = {"include": "mask,probability,overlay"}


def _processor_seconds(process: Popen[bytes]) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)


def _peak_bytes(process: Popen[bytes]) -> int:
    """Return the most memory that the process has held; Linux only."""
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main(
    model: Annotated[Path, typer.Argument(help="The ONNX file", dir_okay=False, exists=True)],
    worst: Annotated[int, typer.Option(help="How many files to list")] = 10,
) -> None:
    """Print the costliest files and the peak of memory."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "breastseg.cli", "serve", "--model", str(model), "--port", str(port)]
    with running(command, url, "/health/ready", BREASTSEG_THREADS="1") as process, httpx2.Client(timeout=120) as client:

        def cost(data: bytes) -> float:
            before = _processor_seconds(process)
            client.post(f"{url}/v1/segment", files={"file": data}, params=_PARAMS)
            return _processor_seconds(process) - before

        ordinary = largest_png()
        unit = sorted(cost(ordinary) for _ in range(5))[2]
        settled = _peak_bytes(process)
        costs = sorted(((cost(data) / unit, name) for name, data in hostile_files()), reverse=True)
        peak = _peak_bytes(process)
    typer.echo(f"{len(costs)} files; 1.00 is an image of as many pixels as the service accepts")
    for ratio, name in costs[:worst]:
        typer.echo(f"{ratio:6.2f}  {name}")
    typer.echo(f"peak memory: {peak / settled:.2f} times that of such an image ({settled / 2**20:.0f} MiB)")


if __name__ == "__main__":
    typer.run(main)
