"""One image on its way out: its report, the pictures that were asked for, its line in the prediction log."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breastseg.inference.image_quality import image_flags
from breastseg.inference.mask_png import encode_mask, encode_probability
from breastseg.inference.overlay import encode_overlay
from breastseg.inference.report import AssessedReport
from breastseg.monitoring.image_features import image_features
from breastseg.monitoring.observation import Observation
from breastseg.monitoring.prediction import AnsweredBy
from breastseg.serving.schemas import SegmentAnswer, Timings

if TYPE_CHECKING:
    from collections.abc import Collection

    from breastseg.inference.raster import UInt8Image
    from breastseg.inference.session import Stop
    from breastseg.monitoring.prediction import Prediction
    from breastseg.serving.answering import Found

PICTURES = ("mask", "probability", "overlay")
"""What may be asked for beside lesions."""


@dataclass(frozen=True)
class Label:
    """Which answer it is, for the answer itself and for the prediction log.

    Attributes:
        request_id: The request's id.
        index: Place of the file in a request of several, from 0.
    """

    request_id: str = ""
    index: int = 0


@dataclass(frozen=True)
class Clock:
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
class Answered:
    """An image with what was found in it, and how long each step took.

    Attributes:
        label: Which answer it is.
        image: uint8 `[H, W]` or `[H, W, 3]`.
        found: What the model says.
        clock: When each step ended.
        stop: Ends what is left to do from another thread.
    """

    label: Label
    image: UInt8Image
    found: Found
    clock: Clock
    stop: Stop

    def mask(self) -> bytes:
        """Return the mask as PNG at native size."""
        return encode_mask(self.found.segmentation.mask)

    def report(self, include: Collection[str]) -> SegmentAnswer:
        """Return the answer, with the pictures named in `include`."""
        found, assessed = self.found, self.found.assessment
        seen = assessed.observation.image if assessed else image_features(self.image)
        pictures = {name: self._draw(name) for name in PICTURES if name in include}
        report = found.segmenter.report(found.segmentation)
        answer = SegmentAnswer(
            **dict(AssessedReport.assessed(report, image_flags(self.image, seen), assessed)),
            timings_ms=self.clock.timings(),
            request_id=self.label.request_id,
        )
        # set only where asked for: what is not set is left out
        return answer.model_copy(update=pictures)

    def prediction(self) -> Prediction:
        """Return the line for the prediction log."""
        found, assessed = self.found, self.found.assessment
        by = AnsweredBy(found.segmenter.described, self.label.request_id, self.label.index)
        seen = assessed.observation if assessed else Observation.of(self.image, found.segmentation)
        return by.predicted(seen, assessed, found.segmentation.mask)

    def _draw(self, name: str) -> str:
        """Encode one of the pictures that may be asked for, in base64; nothing for a client that has left."""
        self.stop.check()
        match name:
            case "mask":
                picture = self.mask()
            case "probability":
                segmentation = self.found.segmentation
                picture = encode_probability(segmentation.probability, segmentation.presence)
            case _:
                picture = encode_overlay(self.image, self.found.segmentation.lesions)
        return base64.b64encode(picture).decode("ascii")
