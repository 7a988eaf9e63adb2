"""What an image is like, in a few numbers: its greys, its texture, its shape. None of them tells whose image it is.

They are computed in a fraction of a millisecond: greys from a histogram of evenly taken pixels, texture from a window
in the middle, at native resolution, where scanners and their settings differ most.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from breastseg.colour import colour_share

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Image = npt.NDArray[np.uint8]

# more rows or columns than that tell no more about greys
_LOOKED_AT = 256
_WINDOW_PX = 128
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
    grey = np.asarray(Image.fromarray(image).convert("L"))
    height, width = grey.shape
    return {
        **_grey_features(_evenly(grey)),
        "colour_share": colour_share(_evenly(image)),
        **_texture_features(_middle(grey)),
        "log_area": float(np.log2(height * width)),
        "log_aspect": float(np.log2(width / height)),
    }


def _evenly(image: UInt8Image) -> UInt8Image:
    rows, columns = (max(1, side // _LOOKED_AT) for side in image.shape[:2])
    return np.ascontiguousarray(image[::rows, ::columns])


def _middle(grey: UInt8Image) -> UInt8Image:
    """Cut the window out: whole blocks of 8 px that begin where JPEG's do; what is smaller than a block is kept."""
    starts = [max(0, side - _WINDOW_PX) // 2 // _BLOCK_PX * _BLOCK_PX for side in grey.shape]
    return grey[tuple(slice(start, start + _WINDOW_PX) for start in starts)]


def _grey_features(grey: UInt8Image) -> dict[str, float]:
    shares = np.array(Image.fromarray(grey).histogram()) / grey.size
    present = shares[shares > 0]
    mean = float(shares @ _LEVELS)
    up_to = shares.cumsum()
    half = (len(grey) + 1) // 2
    return {
        "brightness": mean,
        "contrast": float(np.sqrt(shares @ (_LEVELS - mean) ** 2)),
        # the lowest level that so many pixels do not exceed
        **{f"p{share:02.0f}": float((up_to < share / 100 - 1e-9).sum()) for share in (5, 50, 95)},
        "entropy": float(-(present @ np.log2(present))),
        "vertical_balance": float(grey[:half].mean() - grey[-half:].mean()),
        "dark_border_share": _dark_border_share(grey),
    }


def _dark_border_share(grey: UInt8Image) -> float:
    means = (grey.sum(axis=axis, dtype=np.uint32) / grey.shape[axis] for axis in (1, 0))
    light = [np.flatnonzero(mean > _DARK_LEVEL) for mean in means]
    if not all(len(places) for places in light):
        return 1.0
    kept = np.prod([places[-1] - places[0] + 1 for places in light])
    return float(1 - kept / grey.size)


def _texture_features(window: UInt8Image) -> dict[str, float]:
    levels = window.astype(np.float32)
    return {
        "sharpness": _sharpness(levels),
        "speckle_contrast": _speckle_contrast(levels),
        "blockiness": _blockiness(levels),
    }


def _sharpness(levels: npt.NDArray[np.float32]) -> float:
    if min(levels.shape) < 3:  # noqa: PLR2004 - the Laplacian's width
        return 0.0
    centre = levels[1:-1, 1:-1]
    laplacian = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:] - 4 * centre
    return float(np.log1p(laplacian.var(dtype=np.float64)))


def _speckle_contrast(levels: npt.NDArray[np.float32]) -> float:
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
    return float(np.median(np.sqrt(variance[lit]) / mean[lit])) if lit.any() else 0.0


@cache
def _averaging(blocks: int) -> npt.NDArray[np.float32]:
    """Return the matrix `[8 blocks, blocks]` that averages over each block; a window has few of them."""
    rows = np.repeat(np.eye(blocks, dtype=np.float32), _BLOCK_PX, axis=0)
    return rows / np.float32(_BLOCK_PX)


def _blockiness(levels: npt.NDArray[np.float32]) -> float:
    between = within = 0.0
    for lines in (levels, levels.T):
        steps = np.abs(np.diff(lines, axis=0)).mean(axis=1)
        edges = steps[_BLOCK_PX - 1 :: _BLOCK_PX]
        between += float(edges.sum()) / max(1, len(edges))
        within += float(steps.sum() - edges.sum()) / max(1, len(steps) - len(edges))
    return between / within if within else 1.0
