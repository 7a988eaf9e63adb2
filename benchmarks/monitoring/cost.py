"""What judging an image, counting it and keeping its line cost beside computing it.

Usage: python -m benchmarks.monitoring.cost MODEL.onnx IMAGES…
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from benchmarks.serving.load import read_images
from breastseg.errors import BreastsegError
from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from breastseg.monitoring.monitor import Monitor
from breastseg.monitoring.prediction import AnsweredBy
from breastseg.monitoring.prediction_log import Keeping, PredictionLog
from breastseg.monitoring.watch import Watch
from breastseg.monitoring.windows import Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS = 10


def main(
    model: Annotated[Path, typer.Argument(help="The ONNX file, with a reference profile")],
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them")],
    most_images: Annotated[int, typer.Option(help="Images that are read at most")] = 50,
) -> None:
    """Print median milliseconds of both and their ratio, for each count of threads."""
    files = read_images(images, most_images)
    with tempfile.TemporaryDirectory() as folder:
        for threads in (1, 2):
            typer.echo(_measure(Segmenter.load(model, threads), threads, files, Path(folder)))


def _measure(segmenter: Segmenter, threads: int, files: Sequence[bytes], folder: Path) -> str:
    contract = segmenter.contract
    profile = contract.reference_profile
    if profile is None:
        raise BreastsegError("The model has no reference profile. Export it again")
    watch, monitor = Watch(profile), Monitor(profile, contract.sha256, Rules(50, 0.05), None)
    log = PredictionLog(folder, Keeping())
    times: list[list[float]] = []
    for file in list(files) * ROUNDS:
        marks = [time.perf_counter()]
        image = decode_image(file)
        found = segmenter.segment(image)
        marks.append(time.perf_counter())
        assessment = watch.assess(image, found)
        monitor.add(assessment, time.time())
        marks.append(time.perf_counter())
        by = AnsweredBy(segmenter.described, "a", 0)
        log.append(by.predicted(assessment.observation, assessment, found.mask))
        marks.append(time.perf_counter())
        times.append(marks)
    image_ms, judging_ms, line_ms = np.median(1e3 * np.diff(times), axis=0).tolist()
    return (
        f"{threads} threads: image {image_ms:.2f} ms, judging and counting {judging_ms:.2f} ms "
        f"({judging_ms / image_ms:.1%}), its line {line_ms:.2f} ms ({line_ms / image_ms:.1%})"
    )


if __name__ == "__main__":
    typer.run(main)
