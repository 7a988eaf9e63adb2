"""What every server of the comparison does with an image, so that they differ in nothing but how they serve."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from breastseg.monitoring.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL, THREADS, CHECKPOINT = "BENCHMARK_MODEL", "BENCHMARK_THREADS", "BENCHMARK_CHECKPOINT"


def from_environment() -> Callable[[bytes], bytes]:
    """Return the work with the model and the count of threads that the environment names."""
    return work_of(Segmenter.load(Path(os.environ[MODEL]), int(os.environ[THREADS])))


def work_of(segmenter: Segmenter, *, judging: bool = False) -> Callable[[bytes], bytes]:
    """Return a function from an image file's bytes to the report of its lesions as JSON.

    Args:
        segmenter: The model.
        judging: Whether each image is also held against the reference profile, as the service does and nobody else.
    """
    profile = segmenter.contract.reference_profile
    if judging and profile is None:
        raise ValueError("the model has no reference profile")
    watch = Watch(profile) if judging and profile else None

    def work(data: bytes) -> bytes:
        image = decode_image(data)
        found = segmenter.segment(image)
        if watch:
            watch.assess(image, found)
        return segmenter.report(found).model_dump_json().encode()

    return work
