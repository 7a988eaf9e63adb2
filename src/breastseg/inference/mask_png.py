"""Masks as PNG files, the form in which `predict` and the service hand them out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import numpy.typing as npt


def encode_mask(mask: npt.NDArray[np.bool_]) -> bytes:
    """Encode a mask bool `[H, W]` as an 8-bit grey PNG of the same size: 0 is background, 255 lesion."""
    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(file, "PNG")
    return file.getvalue()
