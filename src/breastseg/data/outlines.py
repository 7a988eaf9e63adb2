"""Outlines in masks in place of filled lesions: closed, broken and dashed."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import find_objects, maximum_filter
from scipy.spatial import ConvexHull

from breastseg.inference.components import label_components

if TYPE_CHECKING:
    from breastseg.data.cases import Mask

# Lesions are looked at at this size at most, so that gaps and time do not depend on the resolution.
_MOST_PX = 256
# of the mask's extent: gaps of an outline up to twice this are bridged
_BRIDGE_SHARE = 0.03
# below, an outline cannot be told from a filled lesion
_FEWEST_PX = 8
# Of the convex hull. The 2,073 lesions in the development parts of BUSI, BUS-BRA and BUS-UCLM fill at least 0.69 of it;
# a ring fills less than half where its line is thinner than 0.29 of its radius, and so does half a ring.
_FILLED_SHARE = 0.5


def has_outline(lesion: Mask) -> bool:
    """Find out whether any part of a mask, bool `[H, W]`, is an outline that was not filled.

    Pixels that are nearer to each other than 6 % of the mask's extent are one part, so that dashes are seen as the line
    that they make.
    """
    small = _reduce(lesion)
    bridged = maximum_filter(small, 2 * ceil(_BRIDGE_SHARE * max(small.shape)) + 1, mode="constant")
    # as signed integers, the only ones that find_objects takes
    parts = (label_components(bridged) * small).astype(np.int32)
    return any(_is_outline(parts[box] == number) for number, box in enumerate(find_objects(parts), start=1))


def _reduce(lesion: Mask) -> Mask:
    """Cut out what holds the lesion, and keep of each block of pixels whether it has any: thin lines stay whole."""
    rows, columns = (np.flatnonzero(lesion.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return np.zeros((1, 1), dtype=np.bool_)
    cut = lesion[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    block = -(-max(cut.shape) // _MOST_PX)
    padded = np.pad(cut, [(0, -length % block) for length in cut.shape])
    blocks = padded.reshape(padded.shape[0] // block, block, padded.shape[1] // block, block)
    return np.asarray(blocks.any(axis=(1, 3)))


def _is_outline(part: Mask) -> bool:
    if min(part.shape) < _FEWEST_PX:
        return False
    return bool(part.sum() < _FILLED_SHARE * _hull_area(part))


def _hull_area(part: Mask) -> float:
    """Return the area of the convex hull of all pixels, each a square, in pixels."""
    rows = np.flatnonzero(part.any(axis=1))
    left, right = part[rows].argmax(axis=1), part.shape[1] - part[rows, ::-1].argmax(axis=1)
    corners = np.column_stack([np.concatenate([rows, rows, rows + 1, rows + 1]), np.concatenate([left, right] * 2)])
    # of points in a plane, Qhull calls the area "volume"
    return float(ConvexHull(corners).volume)
