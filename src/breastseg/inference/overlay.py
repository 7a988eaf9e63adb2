"""An image with the outlines of its lesions drawn over it, for people to look at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breastseg.inference.lesions import Lesion
    from breastseg.inference.raster import UInt8Image

# stands out from grey, and from red for those who do not tell it from green
_COLOUR = (255, 200, 0)
# of the longer side: seen at any size, and thin beside the lesion
_WIDTH_SHARE = 1 / 300


def encode_overlay(image: UInt8Image, lesions: Iterable[Lesion]) -> bytes:
    """Draw the outer outline of every lesion.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.
        lesions: Lesions of that image.

    Returns:
        An RGB PNG of the image's size.
    """
    drawn = Image.fromarray(image).convert("RGB")
    canvas, width = ImageDraw.Draw(drawn), max(1, round(max(drawn.size) * _WIDTH_SHARE))
    for lesion in lesions:
        corners = [(x, y) for x, y in lesion.polygon]
        canvas.line([*corners, *corners[:2]], fill=_COLOUR, width=width, joint="curve")
    file = io.BytesIO()
    # a quarter larger at most, and three times as fast: of a large image, the usual level takes seconds
    drawn.save(file, "PNG", compress_level=1)
    return file.getvalue()
