"""Holds the one model of the process and keeps its work off the event loop, so that health answers never wait."""

from __future__ import annotations

import asyncio
import base64
import logging
import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

import breastseg.inference.dicom.image  # noqa: F401 - else the first DICOM file waits for pydicom's import
from breastseg.inference.cpus import usable_cpus
from breastseg.inference.decode import decode_image
from breastseg.inference.image_quality import image_flags
from breastseg.inference.mask_png import encode_mask, encode_probability
from breastseg.inference.overlay import encode_overlay
from breastseg.inference.raster import TooManyPixelsError
from breastseg.inference.session import Stop
from breastseg.serving.opened_model import OpenedModel
from breastseg.serving.schemas import SegmentAnswer, Timings
from breastseg.serving.work_queue import InferenceTimeoutError, WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from breastseg.inference.contract import Contract
    from breastseg.inference.raster import UInt8Image
    from breastseg.inference.segmenter import Segmentation, Segmenter
    from breastseg.serving.settings import Settings

T = TypeVar("T")

_log = logging.getLogger(__name__)

# images beyond it are decoded and computed one after the other, so that their working memory is held once
_LARGE_PX = 4_000_000


@dataclass(frozen=True)
class _Task:
    """One image on its way in: the file, which frame of it, when it was asked for, and what ends its computation."""

    data: bytes
    frame: int | None
    asked: float
    stop: Stop


@dataclass(frozen=True)
class _Answered:
    """One image on its way out, with how long each step took."""

    image: UInt8Image
    segmentation: Segmentation
    segmenter: Segmenter
    timings: Timings


class Service:
    """A loaded model that answers requests; decoding, computing and encoding run in a few threads behind a queue.

    Args:
        model: The model.
        settings: `concurrency`, `queue_places`, `inference_timeout_s`, `max_pixels`, `threads`.

    Attributes:
        ready: True once an image has gone all the way.
        loaded_at: When the model that answers was loaded, in seconds since 1970.
    """

    def __init__(self, model: OpenedModel, settings: Settings) -> None:
        self._model, self._settings = model, settings
        self._queue = WorkQueue(settings.concurrency or usable_cpus() + 1, settings.queue_places)
        self._large = threading.Lock()
        self._reloading = asyncio.Lock()
        self.ready, self.loaded_at = False, time.time()

    @property
    def contract(self) -> Contract:
        """The contract of the model that answers now."""
        return self._model.contract

    @property
    def in_work(self) -> int:
        """How many images are decoded or computed now."""
        return self._queue.held - self._queue.waiting

    @property
    def waiting(self) -> int:
        """How many images wait for a thread."""
        return self._queue.waiting

    @property
    def max_batch_files(self) -> int:
        """Most files in one request."""
        return self._settings.max_batch_files

    async def warm_up(self) -> None:
        """Send an image all the way, from its bytes to its mask; the service is ready after it."""
        await self._queue.run(lambda: self._try(self._model))
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
            self._model = await asyncio.to_thread(self._load, self._settings.model)
            self.loaded_at = time.time()
            _log.info("Model %s, version %s, answers now", self.contract.model_name, self.contract.model_version)
            return self.contract

    async def report(
        self, data: bytes, include: Collection[str] = (), request_id: str = "", frame: int | None = None
    ) -> SegmentAnswer:
        """Report the lesions of an image file.

        Args:
            data: The file.
            include: What is added as PNG: `mask`, `probability`, `overlay`.
            request_id: The id that the answer carries.
            frame: The number of a DICOM file's frame, from 1.

        Raises:
            DecodeError: The bytes are no image that can be read, or one of more pixels than the service takes.
            QueueFullError: All places are taken.
            InferenceTimeoutError: It took longer than `inference_timeout_s`.
        """
        return await self._in_queue(lambda answered: _report(answered, include, request_id), data, frame)

    async def mask(self, data: bytes, frame: int | None = None) -> bytes:
        """Return the mask of an image file as PNG at native size; arguments and errors as for `report`."""
        return await self._in_queue(lambda answered: encode_mask(answered.segmentation.mask), data, frame)

    def close(self) -> None:
        """Take no more images."""
        self._queue.close()

    async def _in_queue(self, describe: Callable[[_Answered], T], data: bytes, frame: int | None) -> T:
        task = _Task(data, frame, time.perf_counter(), Stop())
        try:
            async with asyncio.timeout(self._settings.inference_timeout_s):
                return await self._queue.run(lambda: self._work(task, describe))
        except TimeoutError as error:
            raise InferenceTimeoutError from error
        finally:
            # a run that nobody waits for any more; for one that has ended it means nothing
            task.stop()

    def _work(self, task: _Task, describe: Callable[[_Answered], T]) -> T:
        try:
            return describe(self._answer(task, min(_LARGE_PX, self._settings.max_pixels)))
        except TooManyPixelsError:
            # told from its header, before a pixel was decoded
            with self._large:
                return describe(self._answer(task, self._settings.max_pixels))

    def _answer(self, task: _Task, max_pixels: int) -> _Answered:
        started = time.perf_counter()
        image = decode_image(task.data, max_pixels=max_pixels, frame=task.frame)
        decoded = time.perf_counter()
        segmenter = self._model.at(self._queue.held)
        segmentation = segmenter.segment(image, task.stop)
        done = time.perf_counter()
        queue, total = started - task.asked, done - task.asked
        timings = Timings.of(queue=queue, decode=decoded - started, model=done - decoded, total=total)
        return _Answered(image, segmentation, segmenter, timings)

    def _load(self, path: Path) -> OpenedModel:
        model = OpenedModel.load(path, self._settings.threads)
        self._try(model)
        return model

    def _try(self, model: OpenedModel) -> None:
        side = min(model.contract.image_size, math.isqrt(self._settings.max_pixels))
        example = encode_mask(np.eye(side, dtype=np.bool_))
        for segmenter in (model.alone, model.crowded):
            encode_mask(segmenter.segment(decode_image(example)).mask)


def _report(answered: _Answered, include: Collection[str], request_id: str) -> SegmentAnswer:
    image, found = answered.image, answered.segmentation
    pictures: dict[str, Callable[[], bytes]] = {
        "mask": lambda: encode_mask(found.mask),
        "probability": lambda: encode_probability(found.probability),
        "overlay": lambda: encode_overlay(image, found.lesions),
    }
    answer = SegmentAnswer(
        **dict(answered.segmenter.report(found)),
        quality=image_flags(image),
        expected_dice=None,
        out_of_distribution=None,
        timings_ms=answered.timings,
        request_id=request_id,
    )
    asked_for = {name: base64.b64encode(draw()).decode("ascii") for name, draw in pictures.items() if name in include}
    return answer.model_copy(update=asked_for)
