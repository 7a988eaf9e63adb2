"""Images in place of masks: the image itself, with marks or paint on it, or cut out around the lesion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.colour import is_grey

if TYPE_CHECKING:
    import numpy.typing as npt

    from breastseg.inference.raster import UInt8Image

# of the mask's maximum: what lossy compression may change
_TOLERANCE = 1 / 16
_SAME_SHARE = 0.3
_TEXTURE = 4.0


def copies_image(mask: UInt8Image, image: UInt8Image) -> bool:
    """Find out whether a mask shows its image: on 30 % of what is not black, with the image's own texture.

    A lesion's labels are constant, so that even where they happen to equal the image they do not vary with it.

    Args:
        mask: uint8 `[H, W]` or `[H, W, 3]`.
        image: The same of equal height and width.
    """
    grey = is_grey(mask) and is_grey(image)
    shown, expected = (pixels[..., None] if grey else _coloured(pixels) for pixels in (mask, image))
    tolerance = max(1, int(shown.max() * _TOLERANCE))
    # of unsigned numbers, the lesser is taken from the greater
    distance = np.maximum(shown, expected) - np.minimum(shown, expected)
    visible = (shown > tolerance).any(axis=2)
    same = visible & (distance <= tolerance).all(axis=2)
    if not same.any() or same.sum() < _SAME_SHARE * visible.sum():
        return False
    values, errors = shown[same].astype(np.float64), distance[same].astype(np.float64)
    return bool(values.std() > _TEXTURE * np.sqrt(np.mean(errors**2)) and values.std() > 1)


def _coloured(pixels: UInt8Image) -> npt.NDArray[np.uint8]:
    return np.stack([pixels] * 3, axis=2) if is_grey(pixels) else pixels
