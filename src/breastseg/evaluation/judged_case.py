"""A case as evaluation needs it: its truth, the network's prediction, and the way back to native size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import expit

from breastseg.inference.lesions import OperatingPoint, segment
from breastseg.inference.letterbox import Letterbox

if TYPE_CHECKING:
    from breastseg.data.table import PreparedCase
    from breastseg.evaluation.arrays import Float32s, Mask


@dataclass(frozen=True)
class Logits:
    """A network's prediction for one image.

    Attributes:
        pixels: Of a lesion for each pixel, given that the image shows one: float32 `[S, S]`, letterboxed.
        presence: Of any lesion in the image.
    """

    pixels: Float32s
    presence: float


@dataclass(frozen=True)
class JudgedCase:
    """One case with one network's prediction.

    Attributes:
        logits: The prediction.
        truth: bool `[H, W]` at native size.
        judged: bool `[H, W]`, the valid mask: false on pixels to ignore.
    """

    logits: Logits
    truth: Mask
    judged: Mask

    @classmethod
    def of(cls, case: PreparedCase, logits: Logits) -> Self:
        """Decode the masks of a prepared case."""
        truth, ignored = case.mask(), case.ignored()
        return cls(logits, truth, np.ones_like(truth) if ignored is None else ~ignored)

    @property
    def letterbox(self) -> Letterbox:
        """Maps between `[H, W]` and `[S, S]`."""
        return Letterbox(self.truth.shape[0], self.truth.shape[1], self.logits.pixels.shape[0])

    @property
    def has_lesion(self) -> bool:
        """Whether any valid pixel is lesion."""
        return bool((self.truth & self.judged).any())

    @property
    def presence(self) -> float:
        """Probability of any lesion in the image, 0..1."""
        return float(expit(self.logits.presence))

    def probability(self, temperature: float) -> Float32s:
        """Calibrated probability at native size, float32 `[H, W]` in 0..1.

        As in the exported file: the sigmoid of `logits / temperature` is brought to native size, not the logits.
        """
        return self.letterbox.restore(expit(self.logits.pixels / np.float32(temperature)))

    def predicted(self, point: OperatingPoint) -> Mask:
        """The mask at an operating point, bool `[H, W]`."""
        return segment(self.probability(point.temperature), self.presence, point)
