"""Colour and grey levels of an image, for quality flags and for monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Image = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float64]

# A pixel is coloured where its channels differ by more than what JPEG leaves on grey.
_COLOUR_LEVELS = 16
# rows and columns
_GREY_AXES = 2
# more rows or columns than that tell no more about greys
_LOOKED_AT = 128
# less than a pixel below the shares that are meant, which sums of many shares may miss by their last digits
_PERCENTILES = np.array([0.05, 0.50, 0.95]) - 1e-9


def is_grey(image: UInt8Image) -> bool:
    """Tell whether an image, uint8 `[H, W]` or `[H, W, 3]`, has no channels."""
    return image.ndim == _GREY_AXES


def colour_share(image: UInt8Image) -> float:
    """Return the share of coloured pixels of an image, uint8 `[H, W]` or `[H, W, 3]`, 0..1."""
    if is_grey(image):
        return 0.0
    # channel by channel: along an axis of three, NumPy's own reduction takes twenty times as long
    red, green, blue = (image[..., channel] for channel in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return float(np.count_nonzero(spread > _COLOUR_LEVELS) / spread.size)


def evenly_taken(image: UInt8Image) -> UInt8Image:
    """Return every n-th row and column of an image, uint8 `[H, W]` or `[H, W, 3]`, at most 128 of each."""
    rows, columns = (-(-side // _LOOKED_AT) for side in image.shape[:2])
    return np.ascontiguousarray(image[::rows, ::columns])


def to_grey(image: UInt8Image) -> UInt8Image:
    """Return the luminance of an image, uint8 `[H, W]` or `[H, W, 3]`, as uint8 `[H, W]`."""
    return image if is_grey(image) else np.asarray(Image.fromarray(image).convert("L"))


def level_shares(grey: UInt8Image) -> Floats:
    """Return the share of pixels of each grey level, float64 `[256]`, of an image, uint8 `[H, W]`."""
    return np.array(Image.fromarray(grey).histogram()) / grey.size


def percentiles(shares: Floats) -> dict[str, float]:
    """Return `p05`, `p50`, `p95`: the lowest levels that so many pixels do not exceed, of the share of each level."""
    p05, p50, p95 = shares.cumsum().searchsorted(_PERCENTILES).tolist()
    return {"p05": float(p05), "p50": float(p50), "p95": float(p95)}
