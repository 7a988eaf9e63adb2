"""Holds the one model of the process and keeps its work off the event loop, so that health answers never wait."""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from breastseg.inference.raster import TooManyPixelsError
from breastseg.inference.session import Stop
from breastseg.monitoring.prediction_log import Keeping, PredictionLog
from breastseg.serving.answered import Answered, Clock, Label
from breastseg.serving.answering import Answering, load_tried, try_out
from breastseg.serving.decoder import Decoder
from breastseg.serving.memory import return_after
from breastseg.serving.one_owner import hold
from breastseg.serving.work_queue import InferenceTimeoutError, WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from breastseg.inference.contract import Contract
    from breastseg.monitoring.monitor import Monitor
    from breastseg.serving.opened_model import OpenedModel
    from breastseg.serving.schemas import SegmentAnswer
    from breastseg.serving.settings import Settings

T = TypeVar("T")

_log = logging.getLogger(__name__)

# images beyond it have a queue and a thread of their own: their working memory is held once, and small ones go past
_LARGE_PX = 4_000_000
_UNLABELLED = Label()


@dataclass(frozen=True)
class _Task:
    """One image on its way in: the file, which frame of it, whose it is, when it came, what ends its computation."""

    data: bytes
    frame: int | None
    label: Label
    asked: float
    stop: Stop


class Service:
    """A loaded model that answers requests; decoding, computing and encoding run in a few threads behind a queue.

    Args:
        model: The model.
        settings: `concurrency`, `queue_places`, `inference_timeout_s`, `max_pixels`, `threads`, `drift_…`,
            `prediction_log…`.

    Raises:
        BreastsegError: The counts of `drift_state` cannot be read or are another service's, or `prediction_log` is no
            folder to write to.

    Attributes:
        prediction_log: Where a line of each answer is kept; None keeps none.
        ready: True once an image has gone all the way.
        failed: True once the first image has failed; another model may make the service ready nevertheless.
        loaded_at: When the model that answers was loaded, in seconds since 1970.
    """

    def __init__(self, model: OpenedModel, settings: Settings) -> None:
        self._settings = settings
        self.prediction_log = open_prediction_log(settings)
        # before its counts are read
        self._state_lock = hold(settings.drift_state) if settings.drift_state else None
        self._answering = Answering.of(model, settings)
        self._warn_of_gate()
        self._queue = WorkQueue(settings.concurrency, settings.queue_places)
        self._large = WorkQueue(1, settings.queue_places)
        self._decoder = Decoder(settings.inference_timeout_s)
        self._reloading = asyncio.Lock()
        self._returning: set[asyncio.Task[None]] = set()
        self.ready = self.failed = False
        self.loaded_at = time.time()

    @property
    def contract(self) -> Contract:
        """The contract of the model that answers now."""
        return self._answering.model.contract

    @property
    def monitor(self) -> Monitor | None:
        """What watches the traffic of the model that answers now; None where it carries no profile."""
        return self._answering.monitor

    @property
    def in_work(self) -> int:
        """How many images are decoded or computed now."""
        return self._held - self.waiting

    @property
    def waiting(self) -> int:
        """How many images wait for a thread."""
        return self._queue.waiting + self._large.waiting

    @property
    def _held(self) -> int:
        return self._queue.held + self._large.held

    @property
    def max_batch_files(self) -> int:
        """Most files in one request."""
        return self._settings.max_batch_files

    async def warm_up(self) -> None:
        """Send an image all the way, from its bytes to its mask; the service is ready after it."""
        self._decoder.start()
        try:
            await self._queue.run(lambda: try_out(self._answering.model, self._settings.max_pixels))
        except Exception:
            self.failed = True
            raise
        self.ready = True

    async def reload(self) -> Contract:
        """Load the model file anew, send an image through it, then let it answer; requests in work keep theirs.

        Returns:
            The contract of the model that answers from now on.

        Raises:
            ModelFileError: See `OpenedModel.load`; the model that answered goes on.
            ContractError: See `OpenedModel.load`; the same.
        """
        async with self._reloading:
            before = weakref.ref(self._answering.model)
            model = await asyncio.to_thread(load_tried, self._settings.model, self._settings)
            if model.contract == self.contract:
                self._answering = Answering(model, self.monitor)
            else:
                # both touch a file, which health answers do not wait for
                await asyncio.to_thread(self._answering.keep_counts)
                self._answering = await asyncio.to_thread(Answering.of, model, self._settings)
            # also where the model before never was
            self.ready, self.loaded_at = True, time.time()
            self._return_after(before)
            _log.info("Model %s, version %s, answers now", self.contract.model_name, self.contract.model_version)
            self._warn_of_gate()
            return self.contract

    async def report(
        self, data: bytes, label: Label = _UNLABELLED, include: Collection[str] = (), frame: int | None = None
    ) -> SegmentAnswer:
        """Report the lesions of an image file.

        Args:
            data: The file.
            label: Which answer it is.
            include: What is added as PNG: `mask`, `probability`, `overlay`.
            frame: The number of a DICOM file's frame, from 1.

        Raises:
            DecodeError: The bytes are no image that can be read, or one of more pixels than the service takes.
            QueueFullError: All places are taken.
            InferenceTimeoutError: It took longer than `inference_timeout_s`.
        """
        return await self._in_queue(lambda answered: answered.report(include), data, label, frame)

    async def mask(self, data: bytes, label: Label = _UNLABELLED, frame: int | None = None) -> bytes:
        """Return the mask of an image file as PNG at native size; arguments and errors as for `report`."""
        return await self._in_queue(Answered.mask, data, label, frame)

    def close(self) -> None:
        """Take no more images."""
        self._queue.close()
        self._large.close()
        self._decoder.close()
        self._answering.keep_counts()
        if self.prediction_log:
            self.prediction_log.close()
        if self._state_lock:
            self._state_lock.close()

    def _warn_of_gate(self) -> None:
        """Log one line where the model failed its quality gate."""
        if warning := self.contract.gate_warning:
            _log.warning(warning)

    def _return_after(self, model: weakref.ref[OpenedModel]) -> None:
        """Give a model's memory back once the last request that keeps it has ended; nobody waits for that."""
        task = asyncio.create_task(return_after(model))
        # the loop itself keeps no task alive
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _in_queue(self, describe: Callable[[Answered], T], data: bytes, label: Label, frame: int | None) -> T:
        task = _Task(data, frame, label, time.perf_counter(), Stop())
        try:
            async with asyncio.timeout(self._settings.inference_timeout_s):
                return await self._run(task, describe)
        except TimeoutError as error:
            raise InferenceTimeoutError from error
        finally:
            # a run that nobody waits for any more; for one that has ended it means nothing
            task.stop()

    async def _run(self, task: _Task, describe: Callable[[Answered], T]) -> T:
        most = self._settings.max_pixels
        try:
            return await self._queue.run(lambda: self._answer(task, min(_LARGE_PX, most), describe))
        except TooManyPixelsError:
            # told from its header, before a pixel was decoded
            return await self._large.run(lambda: self._answer(task, most, describe))

    def _answer(self, task: _Task, max_pixels: int, describe: Callable[[Answered], T]) -> T:
        started = time.perf_counter()
        task.stop.check()
        image = self._decoder.decode(task.data, max_pixels, task.frame, task.stop.check)
        decoded = time.perf_counter()
        # a reload may put another in its place meanwhile
        answering = self._answering
        found = answering.find(image, lambda: self._held, task.stop)
        clock = Clock(task.asked, started, decoded, time.perf_counter())
        answered = Answered(task.label, image, found, clock, task.stop)
        answer = describe(answered)
        # who has been told that it took too long, or has left, gets no answer that counts
        task.stop.check()
        answering.count(found)
        self._log_prediction(answered)
        return answer

    def _log_prediction(self, answered: Answered) -> None:
        """Keep a line before the answer leaves: a kill loses none of one that has arrived."""
        if self.prediction_log and self.prediction_log.wants():
            self.prediction_log.append(answered.prediction())


def open_prediction_log(settings: Settings) -> PredictionLog | None:
    """Open the prediction log that the settings ask for; None where they ask for none.

    Raises:
        BreastsegError: `prediction_log` is no folder to write to.
    """
    if settings.prediction_log is None:
        return None
    keeping = Keeping(share=settings.prediction_log_share, retention_days=settings.prediction_log_days)
    return PredictionLog(settings.prediction_log, keeping)
