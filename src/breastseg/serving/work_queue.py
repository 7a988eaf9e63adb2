"""A bounded queue in front of a few threads: what does not fit is refused at once, who leaves frees a place."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

T = TypeVar("T")

# weight of the newest duration in the moving average that waiting times are foretold from
_NEWEST = 0.2
_FIRST_GUESS_S = 0.1


class QueueFullError(Exception):
    """All places are taken.

    Attributes:
        retry_after_s: When a place is likely to be free, in whole seconds, at least 1.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"All places in the queue are taken; ask again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class InferenceTimeoutError(Exception):
    """An answer took longer than it may; the work was ended."""


class WorkQueue:
    """Runs functions in threads, first come first served; lives on one event loop.

    Args:
        workers: Functions that run at once.
        places: Functions that may wait for a worker.
    """

    def __init__(self, workers: int, places: int) -> None:
        self._workers, self._places = workers, places
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="image")
        self._held = 0
        self._mean_s = _FIRST_GUESS_S

    @property
    def held(self) -> int:
        """How many functions run or wait."""
        return self._held

    @property
    def waiting(self) -> int:
        """How many functions wait for a worker."""
        return max(0, self._held - self._workers)

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function and return what it returns.

        A caller that is cancelled while its function waits gives its place back at once; a function that runs is never
        cut off, and its worker is free when it returns.

        Raises:
            QueueFullError: `places` functions wait already.
        """
        if self._held >= self._workers + self._places:
            raise QueueFullError(self._retry_after_s())
        self._held += 1
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[T] = loop.create_future()
        future = self._pool.submit(self._timed, function)
        future.add_done_callback(lambda done: self._settle_from(loop, done, answered))
        try:
            return await answered
        except asyncio.CancelledError:
            future.cancel()
            raise

    def close(self) -> None:
        """Take no more work and let go of the threads when they have done theirs."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _timed(self, function: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return function()
        finally:
            self._mean_s += _NEWEST * (time.perf_counter() - start - self._mean_s)

    def _settle_from(self, loop: asyncio.AbstractEventLoop, done: Future[T], answered: asyncio.Future[T]) -> None:
        """Settle on the loop's own thread, waking it once; there is nothing to settle when the loop has ended."""
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._settle, done, answered)

    def _settle(self, done: Future[T], answered: asyncio.Future[T]) -> None:
        """Give the place back, and the outcome to who still waits for it."""
        self._held -= 1
        if answered.done():
            return
        if done.cancelled():
            answered.cancel()
        elif error := done.exception():
            answered.set_exception(error)
        else:
            answered.set_result(done.result())

    def _retry_after_s(self) -> int:
        return max(1, round(self._held * self._mean_s / self._workers))
