"""Images in place of masks: the image itself, with marks or paint on it, or cut out around the lesion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_erosion

from breastseg.colour import is_grey

if TYPE_CHECKING:
    import numpy.typing as npt

    from breastseg.inference.raster import UInt8Image

# of the mask's maximum: what lossy compression may change
_TOLERANCE = 1 / 16
_SAME_SHARE = 0.3
_TEXTURE = 4.0
# Levels that merely look the same to a tone curve count as one, so that each has pixels enough for a mean.
_LEVELS = 32
# Between lossy masks and cut-outs that were made brighter or darker, see benchmarks/mask_limits.py.
_EXPLAINED = 0.85
# JPEG leaves rings of 3 px around a cut.
_RINGS = np.ones((7, 7), dtype=np.bool_)
_FEWEST_PIXELS = 4 * _LEVELS
# of neighbours within a map of labels, at least so many are equal
_EVEN_SHARE = 0.9


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


def repeats_texture(mask: UInt8Image, image: UInt8Image) -> bool:
    """Find out whether the levels of a mask follow from those of its image, by whatever tone curve.

    Args:
        mask: uint8 `[H, W]` or `[H, W, 3]`; of colours, the brightest channel counts.
        image: The same of equal height and width.
    """
    share = explained_share(mask, image)
    return share is not None and share >= _EXPLAINED


def explained_share(mask: UInt8Image, image: UInt8Image) -> float | None:
    """Return the share of the variance within a mask that the image's level explains, at most 1.

    It is the correlation ratio (Pearson, 1905), corrected for the number of levels. Borders are left out, where the
    values of any lossy mask vary.

    Args:
        mask: uint8 `[H, W]` or `[H, W, 3]`; of colours, the brightest channel counts.
        image: The same of equal height and width.

    Returns:
        None where there is too little to tell: few pixels, or areas of one level each.
    """
    shown, expected = (pixels if is_grey(pixels) else pixels.max(axis=2) for pixels in (mask, image))
    inside = binary_erosion(shown > max(1, int(shown.max() * _TOLERANCE)), _RINGS)
    values, levels = shown[inside].astype(np.float64), expected[inside] // (256 // _LEVELS)
    if len(values) < _FEWEST_PIXELS or np.mean((shown == np.roll(shown, 1, axis=1))[inside]) >= _EVEN_SHARE:
        return None
    counts, sums = np.bincount(levels), np.bincount(levels, values)
    means = sums / np.maximum(counts, 1)
    unexplained = ((values - means[levels]) ** 2).sum() / (len(values) - np.count_nonzero(counts))
    variance = float(values.var(ddof=1))
    return 1 - float(unexplained) / variance if variance else None


def _coloured(pixels: UInt8Image) -> npt.NDArray[np.uint8]:
    return np.stack([pixels] * 3, axis=2) if is_grey(pixels) else pixels
