"""What judging an image against the reference profile costs beside computing it.

Usage: python -m benchmarks.monitoring.cost MODEL.onnx IMAGES…
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.serving.load import read_images
from breastseg.errors import BreastsegError
from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from breastseg.monitoring.watch import Watch

ROUNDS = 10


def main(
    model: Annotated[Path, typer.Argument(help="The ONNX file, with a reference profile")],
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them")],
    most_images: Annotated[int, typer.Option(help="Images that are read at most")] = 50,
) -> None:
    """Print median milliseconds of both and their ratio, for each count of threads."""
    files = read_images(images, most_images)
    for threads in (1, 2):
        segmenter = Segmenter.load(model, threads)
        if segmenter.contract.reference_profile is None:
            raise BreastsegError(f"{model} has no reference profile. Export it again")
        watch = Watch(segmenter.contract.reference_profile)
        computing, judging = [], []
        for _ in range(ROUNDS):
            for file in files:
                started = time.perf_counter()
                image = decode_image(file)
                found = segmenter.segment(image)
                computed = time.perf_counter()
                watch.assess(image, found)
                judged = time.perf_counter()
                computing.append(computed - started)
                judging.append(judged - computed)
        image_ms, judging_ms = (1e3 * float(np.median(taken)) for taken in (computing, judging))
        typer.echo(
            f"{threads} threads: image {image_ms:.2f} ms, judging {judging_ms:.2f} ms, {judging_ms / image_ms:.1%}"
        )


if __name__ == "__main__":
    typer.run(main)
