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


def encode_probability(probability: npt.NDArray[np.float32], presence: float | None = None) -> bytes:
    """Encode the probability of a lesion for each pixel as an 8-bit grey PNG of the same size: 255 is 1.

    Args:
        probability: float32 `[H, W]`, 0..1, given that the image shows a lesion.
        presence: Probability that it does, 0..1, which each pixel's is multiplied by; None leaves them as they are.
    """
    white = np.float32(255 if presence is None else 255 * presence)
    return _encode(np.rint(probability * white).astype(np.uint8))


def _encode(image: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
