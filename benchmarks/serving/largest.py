"""The largest images that the service's limits let in: how long one takes, and how much memory a crowd of them does.

Usage: python -m benchmarks.serving.largest MODEL.onnx IMAGE [--clients 64] [--seconds 60]

Starts the service itself, on loopback, and asks for all three pictures. Of the crowd most answers are refusals: that is
what the limits are for.
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from math import isqrt
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from benchmarks.serving.client import OK, Connection, upload_request
from benchmarks.serving.image import load
from benchmarks.serving.process import ServerError, free_port, running
from breastseg.serving.settings import Settings

PATH = "/v1/segment?include=mask,probability,overlay"
KINDS = ("PNG", "JPEG")
LONE_ANSWERS = 5


def largest_png() -> bytes:
    """Return an image of as many pixels as the service takes, which nothing compresses."""
    return _encode(Image.fromarray(np.random.default_rng(0).integers(0, 256, (_side(), _side()), dtype=np.uint8)))


def enlarged(image: bytes, kind: str) -> bytes:
    """Return an image file, enlarged to as many pixels as the service takes."""
    with Image.open(io.BytesIO(image)) as small:
        return _encode(small.convert("RGB").resize((_side(), _side()), Image.Resampling.BICUBIC), kind)


def _side() -> int:
    return isqrt(Settings.model_fields["max_pixels"].default)


def _encode(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **({"compress_level": 1} if kind == "PNG" else {}))
    return file.getvalue()


async def seconds_alone(url: str, request: bytes) -> list[float]:
    """Ask one after the other, and return how long each answer took."""
    connection, taken = await Connection.open(url), []
    for _ in range(LONE_ANSWERS):
        started = time.perf_counter()
        status, _ = await connection.ask(request)
        if status != OK:
            raise ServerError(f"A lone image of as many pixels as allowed got {status}")
        taken.append(time.perf_counter() - started)
    connection.close()
    return taken


def main(
    model: Annotated[Path, typer.Argument(help="The ONNX file", dir_okay=False, exists=True)],
    image: Annotated[Path, typer.Argument(help="An image that is enlarged", dir_okay=False, exists=True)],
    clients: Annotated[int, typer.Option(help="Clients at once")] = 64,
    seconds: Annotated[float, typer.Option(help="How long they ask")] = 60,
) -> None:
    """Print the seconds that a lone image takes, and what a crowd of them gets and costs."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "breastseg.cli", "serve", "--model", str(model), "--port", str(port)]
    noise = largest_png()
    files = {"PNG of noise": noise} | {f"{kind} of {image.name}": enlarged(image.read_bytes(), kind) for kind in KINDS}
    requests = {name: upload_request(PATH, file) for name, file in files.items()}
    with running(command, url, "/health/ready") as process:
        for name, request in requests.items():
            taken = asyncio.run(seconds_alone(url, request))
            typer.echo(f"alone, {name}: {median(taken):.2f} s, {max(taken):.2f} s at most")
        typer.echo(load(process, url, [upload_request(PATH, noise)], clients, seconds))


if __name__ == "__main__":
    typer.run(main)
