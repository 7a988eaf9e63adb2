"""Simplifies outlines, so that an answer holds tens of corners and not thousands."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from simplification.cutil import simplify_coords

TOLERANCE_PX = 0.75
"""No point of an outline lies farther from its simplification."""


def simplify(ring: np.ndarray, tolerance_px: float = TOLERANCE_PX) -> np.ndarray:
    """Drop points of a closed outline that lie close to the line between their neighbours.

    Douglas and Peucker, "Algorithms for the reduction of the number of points required to represent a digitized line
    or its caricature", Cartographica 10(2), 1973; on both halves of the ring between its first point and the one
    farthest from it. Each half keeps its outermost point, so that the smallest lesion still encloses an area.

    Args:
        ring: float64 `[points, 2]`, x and y in pixels, the last point equal to the first.
        tolerance_px: Largest distance of a dropped point from the line that replaces it.

    Returns:
        float64 `[corners, 2]`, not closed.
    """
    last = len(ring) - 1
    far = int(np.linalg.norm(ring - ring[0], axis=1).argmax())
    kept = sorted({0, _outermost(ring, 0, far), far, _outermost(ring, far, last), last})
    parts = [simplify_coords(ring[start : end + 1], tolerance_px)[:-1] for start, end in pairwise(kept)]
    return np.concatenate(parts)


def _outermost(ring: np.ndarray, start: int, end: int) -> int:
    """Return which point from `start` to `end` is farthest from the line segment between these two."""
    offsets = ring[start : end + 1] - ring[start]
    along = offsets[-1]
    share = np.clip(offsets @ along / max(along @ along, np.finfo(float).tiny), 0, 1)
    return start + int(np.linalg.norm(offsets - share[:, None] * along, axis=1).argmax())
