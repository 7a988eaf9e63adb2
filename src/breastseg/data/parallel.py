"""Maps over all cores that keep order and hold only a few results, so that memory does not grow with the input."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")

# Enough work to outweigh the hand-over between processes; an input of one chunk starts no process at all.
CHUNK = 16
_CHUNKS_A_WORKER = 3


def ordered_map(function: Callable[[T], R], items: Sequence[T], workers: int | None = None) -> Iterator[R]:
    """Apply `function` to every item, in processes, and yield the results in the order of the items.

    Args:
        function: Picklable: a function of a module, or a `functools.partial` of one.
        items: Picklable.
        workers: Number of processes; as many as this process may use cores without it.
    """
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    count = min(workers or _cores(), len(chunks))
    if count <= 1:
        yield from map(function, items)
        return
    # a fork would copy the threads' locks of the libraries in use, held or not
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        for results in _in_order((pool.submit(_apply, function, chunk) for chunk in chunks), count * _CHUNKS_A_WORKER):
            yield from results


def threaded_map(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Apply `function` to every item, in threads, and yield the results in the order of the items.

    For work that is done outside Python's lock on what one process holds, such as an open model.

    Args:
        function: May be called from several threads at once.
        items: Read as they are needed, a few ahead.
        workers: Number of threads.
    """
    with ThreadPoolExecutor(workers) as pool:
        yield from _in_order((pool.submit(function, item) for item in items), 2 * workers)


def _in_order(coming: Iterator[Future[R]], ahead: int) -> Iterator[R]:
    """Yield results in the order of submission; at most `ahead` are submitted before the first of them is taken."""
    held = deque(islice(coming, ahead))
    while held:
        yield held.popleft().result()
        held.extend(islice(coming, 1))


def _apply(function: Callable[[T], R], chunk: Sequence[T]) -> list[R]:
    return [function(item) for item in chunk]


def _cores() -> int:
    # the cores that this process may run on, where the system tells
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
