"""Remarks on an image that a reader of its answer wants to know; none of them keeps it from being answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.inference.image_quality import has_colour_overlay, is_blank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breastseg.inference.raster import UInt8Image

# Tissue in B-mode images spans most of the grey scale; the limits are wide, so that a flag means something.
_LOW_CONTRAST_LEVELS = 40
_DARK_LEVEL, _BRIGHT_LEVEL = 15, 200
_SMALL_PX = 100


def image_flags(image: UInt8Image, features: Mapping[str, float]) -> tuple[str, ...]:
    """Name what is unusual about an image, sorted.

    - `blank_image`: all pixels are equal.
    - `colour_overlay`: some pixels are coloured, but fewer than half: marks or Doppler on a grey image.
    - `low_contrast`: the 5th and the 95th percentile are less than 40 grey levels apart.
    - `small_image`: a side is shorter than 100 px.
    - `too_bright`: the median grey value is above 200.
    - `too_dark`: the 95th percentile is below 15.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.
        features: Its percentiles, as `monitoring.image_features` gives them.
    """
    found = {
        "blank_image": is_blank(image),
        "colour_overlay": has_colour_overlay(image),
        "low_contrast": features["p95"] - features["p05"] < _LOW_CONTRAST_LEVELS,
        "small_image": min(image.shape[:2]) < _SMALL_PX,
        "too_bright": features["p50"] > _BRIGHT_LEVEL,
        "too_dark": features["p95"] < _DARK_LEVEL,
    }
    return tuple(name for name, holds in found.items() if holds)
