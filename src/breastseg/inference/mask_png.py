"""Masks and probabilities as PNG files, the form in which `predict` and the service hand them out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import numpy.typing as npt


def encode_mask(mask: npt.NDArray[np.bool_]) -> bytes:
    """Encode a mask bool `[H, W]` as an 8-bit grey PNG of the same size: 0 is background, 255 lesion."""
    return _encode(mask.astype(np.uint8) * np.uint8(255))


def encode_probability(probability: npt.NDArray[np.float32]) -> bytes:
    """Encode probabilities float32 `[H, W]`, 0..1, as an 8-bit grey PNG of the same size: 255 is 1."""
    return _encode(np.rint(probability * np.float32(255)).astype(np.uint8))


def _encode(image: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
