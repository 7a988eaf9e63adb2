"""Remarks on a case that a reader of the scores wants to know; none of them keeps a case out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.inference.components import label_components
from breastseg.inference.image_quality import image_flags

if TYPE_CHECKING:
    from breastseg.data.cases import Mask
    from breastseg.inference.raster import UInt8Image

_TINY_SHARE = 0.001


def count_lesions(lesion: Mask) -> int:
    """Count the 8-connected components of a mask, bool `[H, W]`."""
    return int(label_components(lesion).max())


def quality_flags(image: UInt8Image, lesion: Mask) -> tuple[str, ...]:
    """Name what is unusual about a case, sorted.

    Of the image, what `image_flags` of `breastseg.inference.image_quality` names, for the service as well. Of the mask:

    - `lesion_at_border`: the lesion touches the border, so that a part of it may be cut off.
    - `tiny_lesion`: a component of the mask is smaller than a thousandth of the image: often a slip of the pen.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.
        lesion: bool `[H, W]`.
    """
    found = {
        "lesion_at_border": bool(lesion[[0, -1]].any() or lesion[:, [0, -1]].any()),
        "tiny_lesion": _smallest_component(lesion) < _TINY_SHARE * lesion.size,
    }
    of_mask = (name for name, holds in found.items() if holds)
    return tuple(sorted({*image_flags(image), *of_mask}))


def _smallest_component(lesion: Mask) -> float:
    """Give the area of the smallest component in pixels; infinity without any."""
    return float(min(np.bincount(label_components(lesion).ravel())[1:], default=np.inf))
