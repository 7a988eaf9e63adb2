"""A 64-bit hash that similar pictures nearly share: all that is held of an image while near-duplicates are sought."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from breastseg.inference.decode import UInt8Image

_SIDE = 32
_FREQUENCIES = np.arange(1, 9)
# rows 1 to 8 of the type-II discrete cosine transform; row 0 is the mean, which brightness changes
_COSINES = np.cos(np.pi * np.outer(_FREQUENCIES, 2 * np.arange(_SIDE) + 1) / (2 * _SIDE))


def perceptual_hash(image: UInt8Image) -> int:
    """Hash an image so that similar pictures differ in few of the 64 bits.

    The image is reduced to 32 x 32 grey pixels, whatever its shape; a bit is set where a coefficient of the discrete
    cosine transform, frequencies 1 to 8 each way, is above the median of the 64. (C. Zauner, Implementation and
    Benchmarking of Perceptual Image Hash Functions, 2010, section 3.2.1.)

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.

    Returns:
        0 to 2^64 - 1; 0 for an image of one value.
    """
    small = Image.fromarray(image).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    # rounded, so that what is 0 but for the last bits of a float is 0
    coefficients = np.round(_COSINES @ np.asarray(small, dtype=np.float64) @ _COSINES.T, 6).ravel()
    bits = coefficients > np.median(coefficients)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
