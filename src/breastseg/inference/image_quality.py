"""What keeps an image from being used, or read with care, whatever is found in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.colour import colour_share

if TYPE_CHECKING:
    from breastseg.inference.raster import UInt8Image

# of the pixels: where more are coloured, the image itself is in colour
_COLOUR_IMAGE_SHARE = 0.5


def is_blank(image: UInt8Image) -> bool:
    """Tell whether all pixels of an image, uint8 `[H, W]` or `[H, W, 3]`, are equal."""
    return bool(image.min() == image.max())


def has_colour_overlay(image: UInt8Image) -> bool:
    """Tell whether some pixels of an image, uint8 `[H, W]` or `[H, W, 3]`, are coloured, but fewer than half."""
    return 0 < colour_share(image) < _COLOUR_IMAGE_SHARE
