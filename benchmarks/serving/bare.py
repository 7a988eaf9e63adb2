"""The limit: the same work in a loop in this process, without a server."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.serving.work import work_of
from breastseg.inference.segmenter import Segmenter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def median_ms(model: Path, images: Sequence[bytes], threads: int, seconds: float, *, judging: bool = False) -> float:
    """Return the median time of one image, one after the other; for `judging` see `work_of`."""
    work, taken = work_of(Segmenter.load(model, threads), judging=judging), []
    end = time.perf_counter() + seconds
    for image in itertools.cycle(images):
        started = time.perf_counter()
        work(image)
        taken.append(time.perf_counter() - started)
        if time.perf_counter() > end:
            return 1e3 * float(np.median(taken))
    raise AssertionError("a cycle of no images")


def a_second(  # noqa: PLR0913 - what a measurement depends on
    model: Path, images: Sequence[bytes], workers: int, threads: int, seconds: float, *, judging: bool = False
) -> float:
    """Return how many images a second some loops side by side do, with as many threads each."""
    work, turns, counts = (
        work_of(Segmenter.load(model, threads), judging=judging),
        itertools.cycle(images),
        [0] * workers,
    )
    end = time.perf_counter() + seconds
    loops = [threading.Thread(target=_loop, args=(work, turns, counts, place, end)) for place in range(workers)]
    started = time.perf_counter()
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join()
    return sum(counts) / (time.perf_counter() - started)


def _loop(
    work: Callable[[bytes], bytes], turns: itertools.cycle[bytes], counts: list[int], place: int, end: float
) -> None:
    while time.perf_counter() < end:
        work(next(turns))
        counts[place] += 1
