"""From a probability map to lesions: thresholds, minimum area, boxes and outlines, without a heavy library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cc3d
import numpy as np
from contourpy import FillType, contour_generator
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as validated_dataclass

from breastseg.inference.components import label_components
from breastseg.inference.outline import simplify

# Just under half, so that marching squares joins pixels that touch at a corner, as 8-connectivity does.
_OUTLINE_LEVEL = 0.5 - 1e-6


@validated_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class OperatingPoint:
    """How probabilities become a mask; chosen on validation cases only.

    Attributes:
        temperature: What the pixels' logits were divided by. Probabilities out of the ONNX graph have it in them
            already: it is carried for the record.
        threshold: A pixel belongs to a lesion from this probability on, 0..1.
        min_area_share: Lesions smaller than this share of the image's area are dropped, 0..1.
        presence_threshold: The image shows a lesion from this probability on, 0..1; below, the mask is empty. None
            where the network does not predict it, in files before version 4 of the contract.
    """

    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    threshold: Annotated[float, Field(gt=0, le=1)]
    min_area_share: Annotated[float, Field(ge=0, lt=1)]
    presence_threshold: Annotated[float | None, Field(ge=0, le=1)] = None

    def shows_lesion(self, presence: float | None) -> bool:
        """Whether an image is taken to show a lesion.

        Args:
            presence: Probability of any lesion in the image, 0..1; None where the network does not predict it.
        """
        return presence is None or self.presence_threshold is None or presence >= self.presence_threshold


@dataclass(frozen=True)
class Lesion:
    """One 8-connected component of a mask, in native pixels; pixel (x, y) covers [x, x + 1] x [y, y + 1].

    Attributes:
        box: (x0, y0, x1, y1); x1 and y1 are exclusive, so the width is x1 - x0.
        polygon: Corners [x, y] of the outer outline, within the box, not closed; holes are not outlined.
        area_px: Number of pixels.
        confidence: Mean probability of these pixels, times the probability that the image shows a lesion, 0..1.
    """

    box: tuple[int, int, int, int]
    polygon: list[list[float]]
    area_px: int
    confidence: float


def segment(probability: np.ndarray, presence: float | None, point: OperatingPoint) -> np.ndarray:
    """Threshold a probability map and drop what is too small to be a lesion.

    Args:
        probability: float32 `[H, W]` at native size, 0..1, calibrated.
        presence: Probability of any lesion in the image, 0..1; None where the network does not predict it.
        point: The operating point.

    Returns:
        bool `[H, W]`: pixels with at least `threshold`, in 8-connected components of at least
        `min_area_share * H * W` pixels. Empty where `presence` is below `presence_threshold`.
    """
    if not point.shows_lesion(presence):
        return np.zeros(probability.shape, np.bool_)
    mask = probability >= point.threshold
    labels = label_components(mask)
    # of the foreground only: of a large image, the background costs more than the network
    areas = np.bincount(labels[mask], minlength=1)
    large = areas >= point.min_area_share * mask.size
    return mask if large[1:].all() else np.asarray(mask & large[labels])


def find_lesions(mask: np.ndarray, probability: np.ndarray, presence: float | None = None) -> list[Lesion]:
    """Describe each 8-connected component of a mask.

    Args:
        mask: bool `[H, W]`.
        probability: float32 `[H, W]`, 0..1.
        presence: Probability of any lesion in the image, 0..1; None where the network does not predict it.

    Returns:
        The lesions, largest first; of two with one area, the one that is met first row by row.
    """
    labels = label_components(mask)
    boxes = cc3d.statistics(labels)["bounding_boxes"][1:] if labels.any() else []
    share = 1.0 if presence is None else presence
    lesions = [_describe(labels[box] == i, probability[box], share, box) for i, box in enumerate(boxes, start=1)]
    return sorted(lesions, key=lambda lesion: (-lesion.area_px, lesion.box[1], lesion.box[0]))


def _describe(component: np.ndarray, probability: np.ndarray, presence: float, window: tuple[slice, ...]) -> Lesion:
    rows, columns = window
    polygon = simplify(_outline(component)) + np.array([columns.start, rows.start])
    return Lesion(
        box=(columns.start, rows.start, columns.stop, rows.stop),
        polygon=polygon.round(1).tolist(),
        area_px=int(component.sum()),
        confidence=presence * float(probability[component].mean(dtype=np.float64)),
    )


def _outline(component: np.ndarray) -> np.ndarray:
    """Return the closed outer outline, float64 `[points, 2]` as (x, y), of the one component in the array."""
    # padded as bytes: as float64, which contourpy computes with, a large image would be there twice
    padded = np.pad(component, 1).astype(np.float64)
    generator = contour_generator(z=padded, fill_type=FillType.OuterOffset)
    polygons = generator.filled(_OUTLINE_LEVEL, np.inf)
    points, offsets = polygons[0][0], np.asarray(polygons[1][0])
    # index i of the padded array is the centre of pixel i - 1, which lies at i - 0.5
    return np.asarray(points, dtype=np.float64)[: offsets[1]] - 0.5
