"""Simplifies outlines, so that an answer holds tens of corners and not thousands."""

from __future__ import annotations

import numpy as np

TOLERANCE_PX = 0.75
"""No point of an outline lies farther from its simplification."""


def simplify(ring: np.ndarray, tolerance_px: float = TOLERANCE_PX) -> np.ndarray:
    """Drop points of a closed outline that lie close to the line between their neighbours.

    Douglas and Peucker, "Algorithms for the reduction of the number of points required to represent a digitized line
    or its caricature", Cartographica 10(2), 1973; on both halves of the ring between its first point and the one
    farthest from it. Each half keeps its outermost point, so that the smallest lesion still encloses an area.

    Args:
        ring: float `[points, 2]`, x and y in pixels, the last point equal to the first.
        tolerance_px: Largest distance of a dropped point from the line that replaces it.

    Returns:
        float `[corners, 2]`, not closed.
    """
    far = int(np.argmax(np.linalg.norm(ring - ring[0], axis=1)))
    keep = np.zeros(len(ring), dtype=np.bool_)
    keep[[0, far]] = True
    halves = [(0, far), (far, len(ring) - 1)]
    spans = list(halves)
    while spans:
        first, last = span = spans.pop()
        distances_px = _distances(ring[first + 1 : last], ring[first], ring[last])
        if distances_px.size and (span in halves or distances_px.max() > tolerance_px):
            middle = first + 1 + int(distances_px.argmax())
            keep[middle] = True
            spans += [(first, middle), (middle, last)]
    return ring[keep]


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the distances float `[points]` of the points from the line segment from `start` to `end`."""
    along = end - start
    share = np.clip((points - start) @ along / max(along @ along, np.finfo(float).tiny), 0, 1)
    return np.asarray(np.linalg.norm(points - start - share[:, None] * along, axis=1))
