"""Whether lesions are found, whatever the shape of their outline: lesions of truth and prediction in pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from breastseg.inference.components import label_components

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Floats, Mask


@dataclass(frozen=True)
class LesionCounts:
    """Lesions of one case: 8-connected components on its judged pixels.

    Attributes:
        lesions: Lesions in the truth.
        predicted_lesions: Predicted lesions.
        hits_iou10: Pairs of a true and a predicted lesion with an IoU of at least 0.1; no lesion is in two pairs.
        hits_iou50: At least 0.5.
    """

    lesions: int
    predicted_lesions: int
    hits_iou10: int
    hits_iou50: int


def count_lesions(truth: Mask, predicted: Mask) -> LesionCounts:
    """Count the lesions of two masks and the hits among them.

    Args:
        truth: bool `[H, W]`, judged pixels only.
        predicted: bool `[H, W]`, judged pixels only.
    """
    iou = component_iou(truth, predicted)
    lesions, predicted_lesions = iou.shape
    return LesionCounts(lesions, predicted_lesions, count_hits(iou, 0.1), count_hits(iou, 0.5))


def component_iou(truth: Mask, predicted: Mask) -> Floats:
    """IoU of each true with each predicted lesion: `[true lesions, predicted lesions]`, 0..1."""
    labels, predicted_labels = (label_components(mask).astype(np.int64) for mask in (truth, predicted))
    shape = int(labels.max(initial=0)) + 1, int(predicted_labels.max(initial=0)) + 1
    pixels = np.bincount((labels * shape[1] + predicted_labels).ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    union = pixels.sum(axis=1, keepdims=True) + pixels.sum(axis=0) - pixels
    iou: Floats = (pixels / np.maximum(union, 1))[1:, 1:]
    return iou


def count_hits(iou: Floats, threshold: float) -> int:
    """Count the pairs of the largest one-to-one matching whose pairs all have an IoU of at least `threshold`.

    Args:
        iou: `[true lesions, predicted lesions]`.
        threshold: Above 0, at most 1.
    """
    close = iou >= threshold
    return int(close[linear_sum_assignment(close, maximize=True)].sum())
