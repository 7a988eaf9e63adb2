"""Remarks on a case that a reader of the scores wants to know; none of them keeps a case out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.data.outlines import has_outline
from breastseg.inference.components import label_components
from breastseg.inference.image_quality import image_flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.data.cases import Mask, MaskLayers
    from breastseg.inference.raster import UInt8Image

_TINY_SHARE = 0.001
_LARGE_SHARE = 0.5


def count_lesions(lesion: Mask) -> int:
    """Count the 8-connected components of a mask, bool `[H, W]`."""
    return int(label_components(lesion).max())


def quality_flags(image: UInt8Image, lesion: Mask, files: Sequence[MaskLayers] = ()) -> tuple[str, ...]:
    """Name what is unusual about a case, sorted: its masks by `mask_flags`, its image by `image_flags`.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.
        lesion: bool `[H, W]`.
        files: The mask files that were merged to `lesion`.
    """
    return tuple(sorted({*image_flags(image), *mask_flags(lesion, files)}))


def mask_flags(lesion: Mask, files: Sequence[MaskLayers] = ()) -> tuple[str, ...]:
    """Name what is unusual about a mask, sorted.

    - `large_lesion`: more than half of the image is lesion.
    - `lesion_at_border`: the lesion touches the border, so that a part of it may be cut off.
    - `tiny_lesion`: a component of the mask is smaller than a thousandth of the image: often a slip of the pen.
    - `unfilled_outline`: a part of the mask, or of one of its files, is an outline that was not filled.
    - The flags of the files.

    Args:
        lesion: bool `[H, W]`.
        files: The mask files that were merged to `lesion`.
    """
    found = {
        "large_lesion": float(lesion.mean()) > _LARGE_SHARE,
        "lesion_at_border": bool(lesion[[0, -1]].any() or lesion[:, [0, -1]].any()),
        "tiny_lesion": _smallest_component(lesion) < _TINY_SHARE * lesion.size,
        "unfilled_outline": _has_outline(lesion, files),
    }
    names = (name for name, holds in found.items() if holds)
    return tuple(sorted({*names, *(flag for file in files for flag in file.flags)}))


def _has_outline(lesion: Mask, files: Sequence[MaskLayers]) -> bool:
    # an outline in one file may hide in another's lesion, and two files may hold one half of an outline each
    several = [file.lesion for file in files] if len(files) > 1 else []
    return any(has_outline(mask) for mask in (lesion, *several))


def _smallest_component(lesion: Mask) -> float:
    """Give the area of the smallest component in pixels; infinity without any."""
    return float(min(np.bincount(label_components(lesion).ravel())[1:], default=np.inf))
