"""Distances between the outlines of two masks; kept apart because the field knows two definitions of an outline.

Surface Dice weighs surface elements (Nikolov et al. 2021), HD95 counts boundary pixels (as MONAI does); docs/metrics.md
has both with worked examples. Nearest points are found with a k-d tree of outline points, which costs the same for a
small lesion in a small image and in a large one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.evaluation.arrays import Floats, Ints, Mask

_ALL_SET = 0b1111
_DIAGONAL = np.sqrt(2) / 2
# Outline inside a 2x2 neighbourhood (marching squares), by the code 8·top-left + 4·top-right + 2·bottom-left +
# bottom-right: one or three pixels set cut a corner, two neighbours make a straight, two opposite ones two corners
_ELEMENT_LENGTH_PX = _DIAGONAL * np.array([0, 1, 1, 0, 1, 0, 2, 1, 1, 2, 0, 1, 0, 1, 1, 0])
_ELEMENT_LENGTH_PX[[0b0011, 0b0101, 0b1010, 0b1100]] = 1.0


def surface_dice(truth: Mask, predicted: Mask, tolerances_px: Sequence[float]) -> list[float]:
    """Normalised surface Dice: the share of both outlines that lies within a tolerance of the other one.

    Args:
        truth: bool `[H, W]`, not empty.
        predicted: bool `[H, W]`, not empty.
        tolerances_px: Largest distances that still count as agreement, in pixels.

    Returns:
        One value in 0..1 for each tolerance.

    Source: Nikolov et al. 2021, https://doi.org/10.2196/26151, in the reading of its authors' package
    `surface-distance`: outline elements of 2x2 neighbourhoods, weighted by their length.
    """
    truth_points, truth_lengths = surface_elements(truth)
    points, lengths = surface_elements(predicted)
    truth_distances, distances = _nearest(truth_points, points), _nearest(points, truth_points)
    total = truth_lengths.sum() + lengths.sum()
    return [
        float((truth_lengths[truth_distances <= tolerance].sum() + lengths[distances <= tolerance].sum()) / total)
        for tolerance in tolerances_px
    ]


def hausdorff(truth: Mask, predicted: Mask, percentile: float) -> float:
    """Symmetric percentile of the distance between boundary pixels: the larger one of both directions, in pixels.

    Args:
        truth: bool `[H, W]`, not empty.
        predicted: bool `[H, W]`, not empty.
        percentile: 0..100; 100 is the Hausdorff distance itself, 95 is HD95. Between ranks it is interpolated.
    """
    truth_points, points = boundary_pixels(truth), boundary_pixels(predicted)
    directed = _nearest(truth_points, points), _nearest(points, truth_points)
    return float(max(np.percentile(distances, percentile) for distances in directed))


def boundary_pixels(mask: Mask) -> Ints:
    """Pixels of `mask` with one of their four neighbours outside it: `[N, 2]` rows and columns.

    What lies beyond the image is outside the mask.
    """
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.argwhere(mask & ~inner)


def surface_elements(mask: Mask) -> tuple[Ints, Floats]:
    """Outline elements of `mask`: positions `[N, 2]` (corners between four pixels) and lengths `[N]` in pixels."""
    bits = np.pad(mask, 1).astype(np.uint8)
    codes = 8 * bits[:-1, :-1] + 4 * bits[:-1, 1:] + 2 * bits[1:, :-1] + bits[1:, 1:]
    points = np.argwhere((codes != 0) & (codes != _ALL_SET))
    return points, _ELEMENT_LENGTH_PX[codes[points[:, 0], points[:, 1]]]


def _nearest(points: Ints, others: Ints) -> Floats:
    return np.asarray(KDTree(others).query(points)[0], dtype=np.float64)
