"""Remarks on an image that a reader of its answer wants to know; none of them keeps it from being answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from breastseg.colour import colour_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.inference.raster import UInt8Image

# Tissue in B-mode images spans most of the grey scale; the limits are wide, so that a flag means something.
_LOW_CONTRAST_LEVELS = 40
_DARK_LEVEL, _BRIGHT_LEVEL = 15, 200
_SMALL_PX = 100
# more pixels than that tell no more about brightness
_LOOKED_AT = 500


def image_flags(image: UInt8Image) -> tuple[str, ...]:
    """Name what is unusual about an image, sorted.

    - `blank_image`: all pixels are equal.
    - `colour_overlay`: some pixels are coloured, but fewer than half: marks or Doppler on a grey image.
    - `low_contrast`: the 5th and the 95th percentile are less than 40 grey levels apart.
    - `small_image`: a side is shorter than 100 px.
    - `too_bright`: the median grey value is above 200.
    - `too_dark`: the 95th percentile is below 15.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.
    """
    low, middle, high = _percentiles(_sample(image), (5, 50, 95))
    found = {
        "blank_image": is_blank(image),
        "colour_overlay": has_colour_overlay(image),
        "low_contrast": high - low < _LOW_CONTRAST_LEVELS,
        "small_image": min(image.shape[:2]) < _SMALL_PX,
        "too_bright": middle > _BRIGHT_LEVEL,
        "too_dark": high < _DARK_LEVEL,
    }
    return tuple(name for name, holds in found.items() if holds)


def is_blank(image: UInt8Image) -> bool:
    """Tell whether all pixels of an image, uint8 `[H, W]` or `[H, W, 3]`, are equal."""
    return bool(image.min() == image.max())


def has_colour_overlay(image: UInt8Image) -> bool:
    """Tell whether some pixels of an image, uint8 `[H, W]` or `[H, W, 3]`, are coloured, but fewer than half."""
    return 0 < colour_share(image) < 0.5  # noqa: PLR2004 - half of the pixels


def _percentiles(image: UInt8Image, wanted: Sequence[float]) -> list[float]:
    """Return percentiles, 0..100, of all values as `numpy.percentile` gives them, from counts instead of a sort."""
    counts = np.array(Image.fromarray(image).histogram()).reshape(-1, 256).sum(axis=0)
    up_to = counts.cumsum()
    places = np.array(wanted) / 100 * (image.size - 1)
    below, above = (np.searchsorted(up_to, edge(places), side="right") for edge in (np.floor, np.ceil))
    return [float(value) for value in below + (above - below) * (places % 1)]


def _sample(image: UInt8Image) -> UInt8Image:
    """Take rows and columns evenly, at most about `_LOOKED_AT` of each."""
    step = [max(1, side // _LOOKED_AT) for side in image.shape[:2]]
    return image[:: step[0], :: step[1]]
