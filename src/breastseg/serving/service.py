"""Holds the one model of the process and keeps its work off the event loop, so that health answers never wait."""

from __future__ import annotations

import asyncio
import base64
import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

import breastseg.inference.dicom.image  # noqa: F401 - else the first DICOM file waits for pydicom's import
from breastseg.inference.cpus import usable_cpus
from breastseg.inference.decode import decode_image
from breastseg.inference.mask_png import encode_mask, encode_probability
from breastseg.inference.overlay import encode_overlay
from breastseg.inference.raster import TooManyPixelsError
from breastseg.inference.session import ModelFileError, Stop
from breastseg.monitoring.image_features import image_features
from breastseg.monitoring.monitor import Monitor
from breastseg.monitoring.observation import Observation
from breastseg.monitoring.prediction import AnsweredBy
from breastseg.monitoring.prediction_log import Keeping, PredictionLog
from breastseg.monitoring.windows import HORIZONS, Rules, Window
from breastseg.serving.image_flags import image_flags
from breastseg.serving.one_owner import hold
from breastseg.serving.opened_model import OpenedModel
from breastseg.serving.schemas import SegmentAnswer, Timings
from breastseg.serving.work_queue import InferenceTimeoutError, WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from breastseg.inference.contract import Contract
    from breastseg.inference.raster import UInt8Image
    from breastseg.inference.segmenter import Segmentation, Segmenter
    from breastseg.monitoring.watch import Assessment
    from breastseg.serving.settings import Settings

T = TypeVar("T")

_log = logging.getLogger(__name__)

# images beyond it have a queue and a thread of their own: their working memory is held once, and small ones go past
_LARGE_PX = 4_000_000
_DIGITS = 4

PICTURES = ("mask", "probability", "overlay")
"""What may be asked for beside lesions."""


@dataclass(frozen=True)
class _Answering:
    """The model that answers, and what watches its traffic."""

    model: OpenedModel
    monitor: Monitor | None


@dataclass(frozen=True)
class Label:
    """Which answer it is, for the answer itself and for the prediction log.

    Attributes:
        request_id: The request's id.
        index: Place of the file in a request of several, from 0.
    """

    request_id: str = ""
    index: int = 0


_UNLABELLED = Label()


@dataclass(frozen=True)
class _Task:
    """One image on its way in: the file, which frame of it, whose it is, when it came, what ends its computation."""

    data: bytes
    frame: int | None
    label: Label
    asked: float
    stop: Stop


@dataclass(frozen=True)
class _Clock:
    """When each step ended, in seconds of `time.perf_counter`."""

    asked: float
    started: float
    decoded: float
    described: float

    def timings(self) -> Timings:
        """Return how long each took, the pictures until now."""
        now = time.perf_counter()
        return Timings.of(
            queue=self.started - self.asked,
            decode=self.decoded - self.started,
            model=self.described - self.decoded,
            encode=now - self.described,
            total=now - self.asked,
        )


@dataclass(frozen=True)
class _Answered:
    """One image on its way out, with how long each step took."""

    label: Label
    image: UInt8Image
    segmentation: Segmentation
    segmenter: Segmenter
    assessment: Assessment | None
    clock: _Clock
    stop: Stop

    def draw(self, name: str) -> str:
        """Encode one of the pictures that may be asked for, in base64; nothing for a client that has left."""
        self.stop.check()
        match name:
            case "mask":
                picture = encode_mask(self.segmentation.mask)
            case "probability":
                picture = encode_probability(self.segmentation.probability)
            case _:
                picture = encode_overlay(self.image, self.segmentation.lesions)
        return base64.b64encode(picture).decode("ascii")


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
        loaded_at: When the model that answers was loaded, in seconds since 1970.
    """

    def __init__(self, model: OpenedModel, settings: Settings) -> None:
        self._settings = settings
        self.prediction_log = _prediction_log(settings)
        # before its counts are read
        self._state_lock = hold(settings.drift_state) if settings.drift_state else None
        self._answering = self._with_monitor(model)
        self._queue = WorkQueue(settings.concurrency or usable_cpus() + 1, settings.queue_places)
        self._large = WorkQueue(1, settings.queue_places)
        self._reloading = asyncio.Lock()
        self.ready, self.loaded_at = False, time.time()

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
        await self._queue.run(lambda: self._try(self._answering.model))
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
            model = await asyncio.to_thread(self._load, self._settings.model)
            if model.contract == self.contract:
                self._answering = _Answering(model, self.monitor)
            else:
                # both touch a file, which health answers do not wait for
                await asyncio.to_thread(self._keep_counts)
                self._answering = await asyncio.to_thread(self._with_monitor, model)
            # also where the model before never was
            self.ready, self.loaded_at = True, time.time()
            _log.info("Model %s, version %s, answers now", self.contract.model_name, self.contract.model_version)
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
        return await self._in_queue(lambda answered: _report(answered, include), data, label, frame)

    async def mask(self, data: bytes, label: Label = _UNLABELLED, frame: int | None = None) -> bytes:
        """Return the mask of an image file as PNG at native size; arguments and errors as for `report`."""
        return await self._in_queue(lambda answered: encode_mask(answered.segmentation.mask), data, label, frame)

    def close(self) -> None:
        """Take no more images."""
        self._queue.close()
        self._large.close()
        self._keep_counts()
        if self.prediction_log:
            self.prediction_log.close()
        if self._state_lock:
            self._state_lock.close()

    async def _in_queue(self, describe: Callable[[_Answered], T], data: bytes, label: Label, frame: int | None) -> T:
        task = _Task(data, frame, label, time.perf_counter(), Stop())
        try:
            async with asyncio.timeout(self._settings.inference_timeout_s):
                return await self._run(task, describe)
        except TimeoutError as error:
            raise InferenceTimeoutError from error
        finally:
            # a run that nobody waits for any more; for one that has ended it means nothing
            task.stop()

    async def _run(self, task: _Task, describe: Callable[[_Answered], T]) -> T:
        most = self._settings.max_pixels
        try:
            return await self._queue.run(lambda: describe(self._answer(task, min(_LARGE_PX, most))))
        except TooManyPixelsError:
            # told from its header, before a pixel was decoded
            return await self._large.run(lambda: describe(self._answer(task, most)))

    def _answer(self, task: _Task, max_pixels: int) -> _Answered:
        started = time.perf_counter()
        task.stop.check()
        image = decode_image(task.data, max_pixels=max_pixels, frame=task.frame)
        decoded = time.perf_counter()
        # both at once: a model that is switched to meanwhile has a monitor of its own
        answering = self._answering
        model, monitor = answering.model, answering.monitor
        segmenter = model.at(self._held)
        segmentation = segmenter.segment(image, task.stop)
        # a second answer costs as much as the first: only while nobody waits for it
        mirrored = model.watch is not None and self._held <= 1 and model.watch.wants_mirror()
        mirrored_mask = segmenter.mirrored_mask(image, task.stop) if mirrored else None
        assessment = model.watch.assess(image, segmentation, mirrored_mask) if model.watch else None
        if assessment and monitor:
            monitor.add(assessment, time.time())
        self._keep(task.label, segmenter.contract, image, segmentation, assessment)
        clock = _Clock(task.asked, started, decoded, time.perf_counter())
        return _Answered(task.label, image, segmentation, segmenter, assessment, clock, task.stop)

    def _keep(
        self,
        label: Label,
        contract: Contract,
        image: UInt8Image,
        segmentation: Segmentation,
        assessment: Assessment | None,
    ) -> None:
        """Write the line of the prediction log, before the answer leaves."""
        if self.prediction_log and self.prediction_log.wants():
            answered = AnsweredBy(contract.model_version, contract.sha256, label.request_id, label.index)
            seen = assessment.observation if assessment else Observation.of(image, segmentation)
            self.prediction_log.append(answered.predicted(seen, assessment, segmentation.mask))

    def _with_monitor(self, model: OpenedModel) -> _Answering:
        contract, settings = model.contract, self._settings
        if contract.reference_profile is None:
            return _Answering(model, None)
        rules = Rules(settings.drift_min_images, settings.drift_level, design_effect=settings.drift_design_effect)
        return _Answering(model, Monitor(contract.reference_profile, contract.sha256, rules, settings.drift_state))

    def _keep_counts(self) -> None:
        if self.monitor:
            self.monitor.save()

    def _load(self, path: Path) -> OpenedModel:
        model = OpenedModel.load(path, self._settings.threads)
        self._try(model)
        return model

    def _try(self, model: OpenedModel) -> None:
        side = min(model.contract.image_size, math.isqrt(self._settings.max_pixels))
        example = encode_mask(np.eye(side, dtype=np.bool_))
        for segmenter in (model.alone, model.crowded):
            image = decode_image(example)
            found = segmenter.segment(image)
            encode_mask(found.mask)
            _try_watch(model, image, found)


def _try_watch(model: OpenedModel, image: UInt8Image, found: Segmentation) -> None:
    """Judge an image, and count it in a window that is thrown away: a profile of other features is told at once."""
    profile = model.contract.reference_profile
    if model.watch is None or profile is None:
        return
    try:
        Window(profile, HORIZONS[0], Rules(1, 0.5)).add(model.watch.assess(image, found), time.time())
    except KeyError as error:
        what = f"its reference profile knows {error}, which this program does not"
        raise ModelFileError(f"{what}. Export it again") from error


def _prediction_log(settings: Settings) -> PredictionLog | None:
    if settings.prediction_log is None:
        return None
    keeping = Keeping(share=settings.prediction_log_share, retention_days=settings.prediction_log_days)
    return PredictionLog(settings.prediction_log, keeping)


def _report(answered: _Answered, include: Collection[str]) -> SegmentAnswer:
    assessed = answered.assessment
    seen = assessed.observation.image if assessed else image_features(answered.image)
    pictures = {name: answered.draw(name) for name in PICTURES if name in include}
    answer = SegmentAnswer(
        **dict(answered.segmenter.report(answered.segmentation)),
        quality=image_flags(answered.image, seen),
        expected_dice=round(assessed.expected_dice, _DIGITS) if assessed else None,
        out_of_distribution=assessed.out_of_distribution if assessed else None,
        novelty=round(assessed.novelty, _DIGITS) if assessed else None,
        timings_ms=answered.clock.timings(),
        request_id=answered.label.request_id,
    )
    # set only where asked for: what is not set is left out
    return answer.model_copy(update=pictures)
