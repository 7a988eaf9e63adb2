"""The metrics policy as code: how one case is scored, once for the whole project; docs/metrics.md explains it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from breastseg.evaluation.lesion_level import count_lesions
from breastseg.evaluation.surface import hausdorff, surface_dice

if TYPE_CHECKING:
    from breastseg.data.table import CaseRow
    from breastseg.evaluation.arrays import Mask
    from breastseg.evaluation.lesion_level import LesionCounts

TOLERANCES_PX = (1, 2, 4)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of one case at native resolution, on its judged pixels.

    A case with truth pixels is a lesion image and has the scores `dice` to `missed`, one without is a normal and has
    the last two, unless it is a doubtful one (see `CaseRow.doubtful_normal`); the others are None.

    Attributes:
        truth_px: Lesion pixels in the truth.
        predicted_px: Predicted pixels.
        lesions: Lesions in the truth: 8-connected components of its judged pixels.
        predicted_lesions: Predicted lesions.
        hits_iou10: One-to-one pairs of a true and a predicted lesion with an IoU of at least 0.1.
        hits_iou50: At least 0.5.
        dice: 0..1.
        iou: 0..1.
        nsd1: Normalised surface Dice at 1 px, 0..1.
        nsd2: At 2 px.
        nsd4: At 4 px.
        hd95_px: Symmetric 95th percentile of the boundary distances; the image diagonal where nothing is predicted.
        missed: Whether nothing is predicted on a lesion image.
        false_positive: Whether anything is predicted on a normal.
        false_positive_share: Predicted share of the judged pixels of a normal, 0..1.
    """

    truth_px: int
    predicted_px: int
    lesions: int
    predicted_lesions: int
    hits_iou10: int
    hits_iou50: int
    dice: float | None = None
    iou: float | None = None
    nsd1: float | None = None
    nsd2: float | None = None
    nsd4: float | None = None
    hd95_px: float | None = None
    missed: bool | None = None
    false_positive: bool | None = None
    false_positive_share: float | None = None


def score(truth: Mask, predicted: Mask, judged: Mask | None = None) -> Scores:
    """Score one prediction.

    Args:
        truth: bool `[H, W]` at native size.
        predicted: bool `[H, W]`.
        judged: bool `[H, W]`, false on pixels that are not to be judged: both masks are cut there. None judges all.

    Raises:
        ValueError: The shapes differ, or no pixel is judged.
    """
    judged = np.ones_like(truth) if judged is None else judged
    if not truth.shape == predicted.shape == judged.shape:
        raise ValueError(f"shapes differ: truth {truth.shape}, predicted {predicted.shape}, judged {judged.shape}")
    if not judged.any():
        raise ValueError("no pixel is judged")
    truth, predicted = truth & judged, predicted & judged
    counts = count_lesions(truth, predicted)
    if truth.any():
        return _score_lesions(truth, predicted, counts)
    return _score_normal(predicted, int(judged.sum()), counts)


def score_case(case: CaseRow, truth: Mask, predicted: Mask, judged: Mask | None = None) -> Scores:
    """Score one prediction by `score`; a normal that shows a lesion image is no false positive and no true negative.

    Args:
        case: What is known about the case.
        truth: As for `score`, as are the others.
        predicted: ...
        judged: ...
    """
    scores = score(truth, predicted, judged)
    return replace(scores, false_positive=None, false_positive_share=None) if case.doubtful_normal else scores


def dice(truth: Mask, predicted: Mask) -> float:
    """Return 2 |A and B| / (|A| + |B|) of two masks, bool `[H, W]`, of which one at least is not empty.

    Source: Dice 1945, https://doi.org/10.2307/1932409.
    """
    return 2 * int((truth & predicted).sum()) / (int(truth.sum()) + int(predicted.sum()))


def _score_lesions(truth: Mask, predicted: Mask, counts: LesionCounts) -> Scores:
    truth_px, predicted_px = int(truth.sum()), int(predicted.sum())
    both_px = int((truth & predicted).sum())
    missed = predicted_px == 0
    nsd1, nsd2, nsd4 = (0.0, 0.0, 0.0) if missed else surface_dice(truth, predicted, TOLERANCES_PX)
    return Scores(
        **vars(counts),
        truth_px=truth_px,
        predicted_px=predicted_px,
        dice=dice(truth, predicted),
        iou=both_px / (truth_px + predicted_px - both_px),
        nsd1=nsd1,
        nsd2=nsd2,
        nsd4=nsd4,
        hd95_px=math.hypot(*truth.shape) if missed else hausdorff(truth, predicted, 95),
        missed=missed,
    )


def _score_normal(predicted: Mask, judged_px: int, counts: LesionCounts) -> Scores:
    predicted_px = int(predicted.sum())
    return Scores(
        **vars(counts),
        truth_px=0,
        predicted_px=predicted_px,
        false_positive=predicted_px > 0,
        false_positive_share=predicted_px / judged_px,
    )
