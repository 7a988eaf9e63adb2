"""Quality flags of an image, the same for the service and for prepared data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.colour import colour_share, evenly_taken, level_shares, percentiles, to_grey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breastseg.inference.raster import UInt8Image

# of the pixels: where more are coloured, the image itself is in colour
_COLOUR_IMAGE_SHARE = 0.5
# Tissue in B-mode images spans most of the grey scale; the limits are wide, so that a flag means something.
_LOW_CONTRAST_LEVELS = 40
_DARK_LEVEL, _BRIGHT_LEVEL = 15, 200
_SMALL_PX = 100


def is_blank(image: UInt8Image) -> bool:
    """Tell whether all pixels of an image, uint8 `[H, W]` or `[H, W, 3]`, are equal."""
    return bool(image.min() == image.max())


def has_colour_overlay(image: UInt8Image) -> bool:
    """Tell whether some pixels of an image, uint8 `[H, W]` or `[H, W, 3]`, are coloured, but fewer than half."""
    return 0 < colour_share(image) < _COLOUR_IMAGE_SHARE


def image_flags(image: UInt8Image, features: Mapping[str, float] | None = None) -> tuple[str, ...]:
    """Name what is unusual about an image, sorted.

    - `blank_image`: all pixels are equal.
    - `colour_overlay`: some pixels are coloured, but fewer than half: marks or Doppler on a grey image.
    - `low_contrast`: the 5th and the 95th percentile are less than 40 grey levels apart; always so for up to 13 bits
      in a file of 16.
    - `small_image`: a side is shorter than 100 px.
    - `too_bright`: the median grey value is above 200.
    - `too_dark`: the 95th percentile is below 15.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.
        features: Its percentiles, as `monitoring.image_features` gives them; computed where they are not at hand.
    """
    if features is None:
        features = percentiles(level_shares(to_grey(evenly_taken(image))))
    found = {
        "blank_image": is_blank(image),
        "colour_overlay": has_colour_overlay(image),
        "low_contrast": features["p95"] - features["p05"] < _LOW_CONTRAST_LEVELS,
        "small_image": min(image.shape[:2]) < _SMALL_PX,
        "too_bright": features["p50"] > _BRIGHT_LEVEL,
        "too_dark": features["p95"] < _DARK_LEVEL,
    }
    return tuple(name for name, holds in found.items() if holds)
