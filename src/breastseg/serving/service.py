"""Holds the one session of the process and keeps its work off the event loop, so that health answers never wait."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np
from anyio import CapacityLimiter, to_thread

from breastseg.inference.decode import decode_image
from breastseg.inference.mask_png import encode_mask
from breastseg.inference.report import ImageReport
from breastseg.serving.schemas import SegmentAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from breastseg.inference.contract import Contract
    from breastseg.inference.segmenter import Segmentation, Segmenter

P = ParamSpec("P")
T = TypeVar("T")


class Service:
    """A loaded model that answers requests; decoding, computing and encoding run in at most `concurrency` threads.

    Attributes:
        ready: True once an image has gone all the way.
    """

    def __init__(self, segmenter: Segmenter, concurrency: int, max_pixels: int) -> None:
        self._segmenter = segmenter
        self._limiter = CapacityLimiter(concurrency)
        self._max_pixels = max_pixels
        self.ready = False

    @property
    def contract(self) -> Contract:
        """The model's contract."""
        return self._segmenter.contract

    async def warm_up(self) -> None:
        """Send an image all the way, from its bytes to its mask; the service is ready after it."""
        side = min(self.contract.image_size, math.isqrt(self._max_pixels))
        example = encode_mask(np.eye(side, dtype=np.bool_))
        await self.mask(example)
        self.ready = True

    async def report(self, data: bytes, *, with_mask: bool) -> SegmentAnswer:
        """Report the lesions of an image file, and its mask where it is wanted.

        Raises:
            DecodeError: The bytes are no image that can be read, or one of more pixels than the service takes.
        """
        return await self._in_thread(self._report, data, with_mask)

    async def mask(self, data: bytes) -> bytes:
        """Return the mask of an image file as PNG at native size.

        Raises:
            DecodeError: The bytes are no image that can be read, or one of more pixels than the service takes.
        """
        return await self._in_thread(self._mask, data)

    def _report(self, data: bytes, with_mask: bool) -> SegmentAnswer:  # noqa: FBT001 - run_sync passes by position
        segmentation = self._segment(data)
        report = ImageReport.of(segmentation, self.contract)
        mask = base64.b64encode(encode_mask(segmentation.mask)).decode("ascii") if with_mask else None
        return SegmentAnswer(**dict(report), mask=mask)

    def _mask(self, data: bytes) -> bytes:
        return encode_mask(self._segment(data).mask)

    def _segment(self, data: bytes) -> Segmentation:
        return self._segmenter.segment(decode_image(data, max_pixels=self._max_pixels))

    async def _in_thread(self, function: Callable[..., T], *args: object) -> T:
        return await to_thread.run_sync(function, *args, limiter=self._limiter)
