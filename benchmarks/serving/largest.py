"""How much memory the service takes at most: a crowd that sends the largest images that its limits let in.

Usage: python -m benchmarks.serving.largest MODEL.onnx [--clients 64] [--seconds 60]

Starts the service itself, on loopback. Most answers are refusals: that is what the limits are for.
"""

from __future__ import annotations

import io
import sys
from math import isqrt
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from benchmarks.serving.client import upload_request
from benchmarks.serving.image import load
from benchmarks.serving.process import free_port, running
from breastseg.serving.settings import Settings


def largest_png() -> bytes:
    """Return an image of as many pixels as the service takes, which nothing compresses."""
    side = isqrt(Settings.model_fields["max_pixels"].default)
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG", compress_level=1)
    return file.getvalue()


def main(
    model: Annotated[Path, typer.Argument(help="The ONNX file", dir_okay=False, exists=True)],
    clients: Annotated[int, typer.Option(help="Clients at once")] = 64,
    seconds: Annotated[float, typer.Option(help="How long they ask")] = 60,
) -> None:
    """Print how many requests there were, how many of them failed, and the memory."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "breastseg.cli", "serve", "--model", str(model), "--port", str(port)]
    request = upload_request("/v1/segment?include=mask,probability,overlay", largest_png())
    with running(command, url, "/health/ready") as process:
        typer.echo(load(process, url, [request], clients, seconds))


if __name__ == "__main__":
    typer.run(main)
