"""A case as the judgement needs it: what is true, what the network said, and the way back to native size."""

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
class JudgedCase:
    """One case with one network's answer.

    Attributes:
        logits: float32 `[S, S]`, letterboxed.
        truth: bool `[H, W]` at native size.
        judged: bool `[H, W]`, false on pixels that are not to be judged.
    """

    logits: Float32s
    truth: Mask
    judged: Mask

    @classmethod
    def of(cls, case: PreparedCase, logits: Float32s) -> Self:
        """Decode the masks of a prepared case."""
        truth, ignored = case.mask(), case.ignored()
        return cls(logits, truth, np.ones_like(truth) if ignored is None else ~ignored)

    @property
    def letterbox(self) -> Letterbox:
        """Maps between `[H, W]` and `[S, S]`."""
        return Letterbox(self.truth.shape[0], self.truth.shape[1], self.logits.shape[0])

    def probability(self, temperature: float) -> Float32s:
        """Calibrated probability at native size, float32 `[H, W]` in 0..1.

        As in the exported file: the sigmoid of `logits / temperature` is brought to native size, not the logits.
        """
        return self.letterbox.restore(expit(self.logits / np.float32(temperature)))

    def predicted(self, point: OperatingPoint) -> Mask:
        """The answer at an operating point, bool `[H, W]`."""
        return segment(self.probability(point.temperature), point)
