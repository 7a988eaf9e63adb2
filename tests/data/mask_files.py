"""Masks as programs save them, and images that people save in place of masks."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

if TYPE_CHECKING:
    import numpy.typing as npt

SIZE = 128


def disc(radius: float = 16, size: int = SIZE, centre: tuple[float, float] | None = None) -> npt.NDArray[np.bool_]:
    """A lesion, bool `[size, size]`; by default a sixteenth of the image wide, in its middle."""
    y, x = centre or (size / 2, size / 2)
    rows, columns = np.ogrid[:size, :size]
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def ring(radius: float = 30, line: int = 2) -> npt.NDArray[np.bool_]:
    """The outline of a disc."""
    filled = disc(radius)
    return np.asarray(filled & ~binary_erosion(filled, iterations=line))


def ultrasound(seed: int = 0, size: int = SIZE) -> npt.NDArray[np.uint8]:
    """Correlated speckle that darkens with depth."""
    grain = np.random.default_rng(seed).rayleigh(60, (size // 2, size // 2)).clip(0, 255).astype(np.uint8)
    speckle = np.asarray(Image.fromarray(grain).resize((size, size), Image.Resampling.BICUBIC))
    return np.asarray(speckle * np.linspace(1, 0.3, size)[:, None]).astype(np.uint8)


def compressed(pixels: npt.NDArray[np.uint8], quality: int = 20) -> npt.NDArray[np.uint8]:
    """What JPEG leaves of an image."""
    return np.asarray(Image.open(io.BytesIO(encoded(pixels, "JPEG", quality=quality))))


def encoded(pixels: npt.NDArray[np.generic] | Image.Image, file_format: str = "PNG", **options: int) -> bytes:
    buffer = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def resized(mask: npt.NDArray[np.bool_], factor: float, method: Image.Resampling) -> npt.NDArray[np.uint8]:
    width, height = (round(length * factor) for length in mask.shape[::-1])
    return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), method))


def dice(found: npt.NDArray[np.bool_], expected: npt.NDArray[np.bool_]) -> float:
    return float(2 * (found & expected).sum() / (found.sum() + expected.sum()))
