"""Grey levels of mask files: exact labels, or lossy values that need a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_erosion

from breastseg.inference.components import label_components

if TYPE_CHECKING:
    from breastseg.data.cases import Mask
    from breastseg.inference.raster import UInt8Image

# Limits were measured on 14 masks of BUSI and BUS-BRA and their images; docs/data.md has the table.
_SOLID_SHARE = 0.9
_GREY_SHARE = 0.1
_THICK_SHARE = 0.15
_SPECK_SHARE = 0.001


def is_label_map(values: UInt8Image) -> bool:
    """Find out whether the levels of a mask are exact labels, so that each one but 0 is lesion.

    Labels include 0, the background, and with one other level they are exact. With more, labels cover areas, while
    smoothing and lossy compression leave levels that are scattered along edges. What decides are the levels between 0
    and half of the maximum, since the others are lesion either way: at least 90 % of their pixels lie in blocks of
    2 x 2 equal pixels, and so does, for most of these levels, more than half of the level. The number of levels does
    not decide: a map of 40 lesions has 41, a mask that was saved as JPEG of the highest quality has 4.

    Args:
        values: uint8 `[H, W]`, not all 0.
    """
    if values.min() > 0:
        return bool(values.min() == values.max())
    low = (values > 0) & (values < values.max() / 2)
    if not low.any():
        return True
    solid = _in_blocks(values)
    counts, solid_counts = (np.bincount(values[where], minlength=256) for where in (low, low & solid))
    if solid_counts.sum() < _SOLID_SHARE * counts.sum():
        return False
    return bool(np.mean(solid_counts[counts > 0] > counts[counts > 0] / 2) > 1 / 2)


def lacks_zero(values: UInt8Image) -> bool:
    """Find out whether a mask consists of labels of which none is 0, such as 1 for the background and 2 for the lesion.

    Args:
        values: uint8 `[H, W]`.
    """
    return bool(0 < values.min() < values.max() and _in_blocks(values).mean() >= _SOLID_SHARE)


def grey_fault(values: UInt8Image) -> str | None:
    """Say what keeps lossy values from being a mask with a threshold at half of its maximum; None if nothing does.

    Grey values are measured against the level of the lesion, the median of what is at least half of the maximum: JPEG
    overshoots at edges, by up to a third of the level, so that all of a lesion can lie below 90 % of the maximum.

    Args:
        values: uint8 `[H, W]`, not all 0.
    """
    lesion = values >= values.max() / 2
    level = float(np.median(values[lesion]))
    grey = (values > level / 10) & (values < level * 3 / 4)
    if grey.mean() > _GREY_SHARE:
        return f"is grey, neither black nor as bright as its lesion, on {grey.mean():.0%} of its pixels"
    # edges are thin, however they were smoothed; what is left of grey after an erosion is not an edge
    thick = binary_erosion(grey & (values > level / 4), np.ones((3, 3), dtype=np.bool_))
    if thick.sum() > _THICK_SHARE * lesion.sum():
        return f"has grey areas, {thick.sum() / lesion.sum():.0%} of the size of its bright ones"
    if _has_grey_part(values, level):
        return "has lesions of different grey, of which a threshold would lose the darker ones"
    return None


def _in_blocks(values: UInt8Image) -> Mask:
    """Mark the pixels that lie in a block of 2 x 2 equal pixels."""
    corner = values[:-1, :-1]
    equal = (corner == values[1:, :-1]) & (corner == values[:-1, 1:]) & (corner == values[1:, 1:])
    found = np.zeros(values.shape, dtype=np.bool_)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            found[rows, columns] |= equal
    return found


def _has_grey_part(values: UInt8Image, level: float) -> bool:
    """Find out whether the peak of any component, specks aside, is below three quarters of the lesion's level."""
    parts = label_components(values > level / 6).ravel()
    sizes = np.bincount(parts)[1:]
    peaks = np.zeros(len(sizes) + 1, dtype=values.dtype)
    np.maximum.at(peaks, parts, values.ravel())
    return bool(((sizes >= _SPECK_SHARE * values.size) & (peaks[1:] < level * 3 / 4)).any())
