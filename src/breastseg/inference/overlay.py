"""An image with the outlines of its lesions drawn over it, for people to look at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breastseg.inference.lesions import Lesion
    from breastseg.inference.raster import UInt8Image

# stands out from grey, and from red for those who do not tell it from green
_COLOUR = (255, 200, 0)
# of the longer side: seen at any size, and thin beside the lesion
_WIDTH_SHARE = 1 / 300
# of a palette, as long as the greys; white is drawn as the level below
_INDEX = 255
_PALETTE = [level for grey in range(_INDEX) for level in (grey, grey, grey)] + [*_COLOUR]


def encode_overlay(image: UInt8Image, lesions: Iterable[Lesion]) -> bytes:
    """Draw the outer outline of every lesion.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.
        lesions: Lesions of that image.

    Returns:
        A PNG of the image's size: RGB, or of a grey image with a palette, which takes a third of the time.
    """
    drawn, colour = _drawable(image)
    canvas, width = ImageDraw.Draw(drawn), max(1, round(max(drawn.size) * _WIDTH_SHARE))
    for lesion in lesions:
        corners = [(x, y) for x, y in lesion.polygon]
        canvas.line([*corners, *corners[:2]], fill=colour, width=width, joint="curve")
    file = io.BytesIO()
    # a quarter larger at most, and three times as fast: of a large image, the usual level takes seconds
    drawn.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _drawable(image: UInt8Image) -> tuple[Image.Image, int | tuple[int, int, int]]:
    """Return a copy to draw on, and what the colour is in it."""
    if image.ndim == 3:  # noqa: PLR2004 - `[H, W, 3]`
        return Image.fromarray(image).copy(), _COLOUR
    drawn = Image.fromarray(np.minimum(image, _INDEX - 1))
    drawn.putpalette(_PALETTE)
    return drawn, _INDEX
