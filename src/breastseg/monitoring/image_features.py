"""What an image is like, in a few numbers: its greys, its texture, its shape. None of them tells whose image it is.

They are computed in a fraction of a millisecond, for every request pays for them: greys from a histogram of evenly
taken pixels, texture from a window in the middle, at native resolution, where scanners and their settings differ most.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import median_low
from typing import TYPE_CHECKING

import numpy as np

from breastseg.colour import colour_share, evenly_taken, level_shares, percentiles, to_grey

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Image = npt.NDArray[np.uint8]
    Float32s = npt.NDArray[np.float32]
    Floats = npt.NDArray[np.float64]

SIZE_FEATURES = frozenset({"log_area", "log_aspect"})
"""What an image's size makes: it may drift, and tells nothing of whether the network knows such images."""

_WINDOW_PX = 96
# in blocks of 8 px JPEG leaves its edges, and speckle is a few px wide
_BLOCK_PX = 8
_DARK_LEVEL = 10
_LEVELS = np.arange(256)


def image_features(image: UInt8Image) -> dict[str, float]:
    """Describe an image.

    - `brightness`, `contrast`: mean and standard deviation of the grey levels, 0..255.
    - `p05`, `p50`, `p95`: percentiles of the grey levels.
    - `entropy`: of the grey levels' histogram, in bits, 0..8 (Shannon 1948).
    - `vertical_balance`: mean level of the upper half minus that of the lower: tissue darkens with depth.
    - `dark_border_share`: share of the area in dark rows and columns along the border.
    - `colour_share`: share of coloured pixels.
    - `sharpness`: logarithm of the variance of the Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing").
    - `speckle_contrast`: median over blocks of 8 px of standard deviation over mean (Goodman 1976).
    - `blockiness`: steps between such blocks over steps inside of them: above 1 after strong JPEG compression.
    - `log_area`, `log_aspect`: logarithms to base 2 of height times width, and of width over height.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.
    """
    height, width = image.shape[:2]
    sample = evenly_taken(image)
    return {
        **_grey_features(to_grey(sample)),
        "colour_share": colour_share(sample),
        **_texture_features(to_grey(_middle(image))),
        "log_area": float(np.log2(height * width)),
        "log_aspect": float(np.log2(width / height)),
    }


def _middle(image: UInt8Image) -> UInt8Image:
    """Cut the window out: whole blocks of 8 px that begin where JPEG's do; what is smaller than a block is kept."""
    starts = [max(0, side - _WINDOW_PX) // 2 // _BLOCK_PX * _BLOCK_PX for side in image.shape[:2]]
    return np.ascontiguousarray(image[tuple(slice(start, start + _WINDOW_PX) for start in starts)])


def _grey_features(grey: UInt8Image) -> dict[str, float]:
    height, width = grey.shape
    rows, columns = (grey.sum(axis=axis, dtype=np.uint32) for axis in (1, 0))
    half = (height + 1) // 2
    upper, lower = int(rows[:half].sum()), int(rows[-half:].sum())
    return {
        **_level_features(level_shares(grey)),
        "vertical_balance": (upper - lower) / (half * width),
        "dark_border_share": _dark_border_share(rows / width, columns / height),
    }


def _level_features(shares: Floats) -> dict[str, float]:
    """Of the share of pixels of each grey level."""
    present = shares[shares > 0]
    mean = float(shares @ _LEVELS)
    return {
        "brightness": mean,
        "contrast": math.sqrt(shares @ (_LEVELS - mean) ** 2),
        **percentiles(shares),
        "entropy": max(0.0, float(-(present @ np.log2(present)))),
    }


def _dark_border_share(rows: Floats, columns: Floats) -> float:
    """Of the mean level of each row and column."""
    light = [np.flatnonzero(means > _DARK_LEVEL) for means in (rows, columns)]
    if not all(len(places) for places in light):
        return 1.0
    height, width = (int(places[-1] - places[0]) + 1 for places in light)
    return 1 - height * width / (len(rows) * len(columns))


def _texture_features(window: UInt8Image) -> dict[str, float]:
    levels = window.astype(np.float32)
    return {
        "sharpness": _sharpness(levels),
        "speckle_contrast": _speckle_contrast(levels),
        "blockiness": _blockiness(levels),
    }


def _sharpness(levels: Float32s) -> float:
    if min(levels.shape) < 3:  # noqa: PLR2004 - the Laplacian's width
        return 0.0
    # the neighbours of each pixel, one sum a direction
    laplacian = levels[:-2, 1:-1] + levels[2:, 1:-1]
    laplacian += levels[1:-1, :-2] + levels[1:-1, 2:]
    laplacian -= 4 * levels[1:-1, 1:-1]
    values = laplacian.ravel()
    return math.log1p(max(0.0, float(values @ values) / values.size - float(values.mean()) ** 2))


def _speckle_contrast(levels: Float32s) -> float:
    rows, columns = (side // _BLOCK_PX for side in levels.shape)
    if not rows or not columns:
        return 0.0
    whole = levels[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    # as products of matrices: over axes of eight, NumPy's own mean takes ten times as long
    over_rows, over_columns = _averaging(rows).T, _averaging(columns)
    mean = over_rows @ whole @ over_columns
    variance = np.maximum(over_rows @ whole**2 @ over_columns - mean**2, 0)
    # blocks of background tell nothing
    lit = mean > _DARK_LEVEL
    return math.sqrt(median_low((variance[lit] / mean[lit] ** 2).tolist())) if lit.any() else 0.0


@cache
def _averaging(blocks: int) -> Float32s:
    """Return the matrix `[8 blocks, blocks]` that averages over each block; a window has few of them."""
    rows = np.repeat(np.eye(blocks, dtype=np.float32), _BLOCK_PX, axis=0)
    return rows / np.float32(_BLOCK_PX)


def _blockiness(levels: Float32s) -> float:
    between = within = 0.0
    for steps in (
        np.abs(levels[1:] - levels[:-1]).sum(axis=1) / levels.shape[1],
        np.abs(levels[:, 1:] - levels[:, :-1]).sum(axis=0) / levels.shape[0],
    ):
        edges = steps[_BLOCK_PX - 1 :: _BLOCK_PX]
        at_edges = float(edges.sum())
        between += at_edges / max(1, len(edges))
        within += (float(steps.sum()) - at_edges) / max(1, len(steps) - len(edges))
    return between / within if within else 1.0
