"""The meaning of masks that show the lesion bright on black, in whatever colour or file mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.colour import is_grey
from breastseg.data.cases import MaskLayers

if TYPE_CHECKING:
    from breastseg.inference.raster import UInt8Image

_HALF = 128


def read_bright_mask(image: UInt8Image) -> MaskLayers:
    """Read a mask whose lesion is bright, in any colour, or marked by small numbers.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`; of colours, the brightest channel counts. Where any value reaches 128,
            the lesion is what is 128 and above, so that smoothed edges and JPEG noise do not count; else it is what is
            above 0 (masks of 0 and 1).
    """
    values = image if is_grey(image) else image.max(axis=2)
    threshold = _HALF if values.max() >= _HALF else 1
    return MaskLayers(values >= threshold, None)
