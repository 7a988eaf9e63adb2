"""The model that answers and what watches its traffic, which change together when a new model is switched to."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from breastseg.inference.decode import decode_image
from breastseg.inference.mask_png import encode_mask
from breastseg.inference.session import ModelFileError, Stop
from breastseg.monitoring.answer_features import EMPTY
from breastseg.monitoring.expected_dice import foretell
from breastseg.monitoring.monitor import Monitor
from breastseg.monitoring.windows import HORIZONS, Rules, Window
from breastseg.serving.opened_model import OpenedModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from breastseg.inference.raster import UInt8Image
    from breastseg.inference.segmenter import Segmentation, Segmenter
    from breastseg.monitoring.watch import Assessment
    from breastseg.serving.settings import Settings


@dataclass(frozen=True)
class Found:
    """What one model says about one image.

    Attributes:
        segmenter: What computed it.
        segmentation: The answer.
        assessment: What is to be thought of it; None where the model carries no reference profile.
    """

    segmenter: Segmenter
    segmentation: Segmentation
    assessment: Assessment | None


@dataclass(frozen=True)
class Answering:
    """The model, and the windows of its traffic: None where it carries no reference profile."""

    model: OpenedModel
    monitor: Monitor | None

    @classmethod
    def of(cls, model: OpenedModel, settings: Settings) -> Self:
        """Watch a model's traffic by the settings `drift_…`.

        Raises:
            BreastsegError: The counts of `drift_state` cannot be read.
        """
        contract = model.contract
        if contract.reference_profile is None:
            return cls(model, None)
        rules = Rules(settings.drift_min_images, settings.drift_level, design_effect=settings.drift_design_effect)
        return cls(model, Monitor(contract.reference_profile, contract.sha256, rules, settings.drift_state))

    def find(self, image: UInt8Image, in_work: Callable[[], int], stop: Stop) -> Found:
        """Find the lesions of an image and judge the answer.

        Args:
            image: uint8 `[H, W]` or `[H, W, 3]`.
            in_work: How many images are in work or wait, this one included.
            stop: Ends it from another thread.
        """
        segmenter, watch = self.model.at(in_work()), self.model.watch
        segmentation = segmenter.segment(image, stop)
        if watch is None:
            return Found(segmenter, segmentation, None)
        # a second answer costs as much as the first: only while nobody waits for it
        mirrored = segmenter.mirrored_mask(image, stop) if in_work() <= 1 and watch.wants_mirror() else None
        assessment = watch.assess(image, segmentation, mirrored)
        return Found(segmenter, segmentation, assessment)

    def count(self, found: Found) -> None:
        """Count an answer in the windows."""
        if self.monitor and found.assessment:
            self.monitor.add(found.assessment, time.time())

    def keep_counts(self) -> None:
        """Write what was counted to `drift_state`."""
        if self.monitor:
            self.monitor.save()


def load_tried(path: Path, settings: Settings) -> OpenedModel:
    """Load a model file and send an image through it; errors as of `OpenedModel.load` and `try_out`."""
    model = OpenedModel.load(path, settings.threads)
    try_out(model, settings.max_pixels)
    return model


def try_out(model: OpenedModel, max_pixels: int) -> None:
    """Send an image of at most so many pixels all the way, from its bytes to its mask and the judgement of it.

    Raises:
        ModelFileError: The model cannot be computed, or its profile is one of other features than this program knows.
    """
    side = min(model.contract.image_size, math.isqrt(max_pixels))
    example = encode_mask(np.eye(side, dtype=np.bool_))
    for segmenter in (model.alone, model.crowded):
        image = decode_image(example)
        found = segmenter.segment(image)
        encode_mask(found.mask)
        _try_watch(model, image, found)


def _try_watch(model: OpenedModel, image: UInt8Image, found: Segmentation) -> None:
    """Judge an image, and count it in a window that is thrown away."""
    profile = model.contract.reference_profile
    if model.watch is None or profile is None:
        return
    try:
        assessment = model.watch.assess(image, found)
        Window(profile, HORIZONS[0], Rules(1, 0.5)).add(assessment, time.time())
        # of this image there may be none
        foretell(profile.expected_dice, {**assessment.observation.answer, EMPTY: 0.0})
    except KeyError as error:
        what = f"its reference profile knows {error}, which this program does not"
        raise ModelFileError(f"{what}. Export it again") from error
