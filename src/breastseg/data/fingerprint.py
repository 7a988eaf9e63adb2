"""What is held of an image while near-duplicates are sought, and how alike two of these are, be one a crop."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from breastseg.inference.raster import UInt8Image

Fingerprints = npt.NDArray[np.uint8]
Descriptors = npt.NDArray[np.int16]
Similarities = npt.NDArray[np.float32]
Spans = tuple[tuple[float, float], ...]

SIDE = 24
# parts of an image, in shares of its width or height: the whole, and what a crop of up to a tenth from each side leaves
WHOLE: Spans = ((0.0, 1.0),)
CROPS: Spans = (*WHOLE, (0.0, 0.9), (0.1, 1.0), (0.05, 0.95), (0.1, 0.9))

_SAMPLES = 32
_FREQUENCIES = np.arange(10)
_COSINES = np.cos(np.pi * np.outer(_FREQUENCIES, 2 * np.arange(_SAMPLES) + 1) / (2 * _SAMPLES))
# the mean (frequency 0, 0) is what brightness changes
_WEIGHTS = np.hypot(*np.meshgrid(_FREQUENCIES, _FREQUENCIES)).ravel()[1:]
# what is left of a flat window is rounding
_FLAT = 1e-6
_STEPS = 2048


def fingerprint(image: UInt8Image) -> Fingerprints:
    """Reduce an image to uint8 `[24, 24]`, whatever its shape.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.
    """
    return np.asarray(Image.fromarray(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


def describe(fingerprints: Fingerprints, spans: Spans = WHOLE) -> Descriptors:
    """Describe windows of images so that their `products` say how alike they are.

    They hold the lowest 99 coefficients of the type-II discrete cosine transform, weighted by their frequency, because
    the spectra of pictures fall with it (Field 1987, https://doi.org/10.1364/JOSAA.4.002379) and all pictures would be
    alike otherwise, and brought to length 1, so that neither brightness nor contrast counts.

    Args:
        fingerprints: uint8 `[N, 24, 24]`.
        spans: S spans; each across with each down is a window, the first with the first comes first.

    Returns:
        int16 `[N, S * S, 99]`, in 2048ths; 0 where the window has one value only.
    """
    count, frequencies = len(spans), len(_FREQUENCIES)
    kernels = _kernels(spans)
    coefficients = kernels @ (fingerprints.astype(np.float64) @ kernels.T)
    windows = coefficients.reshape(-1, count, frequencies, count, frequencies).transpose(0, 1, 3, 2, 4)
    weighted = windows.reshape(-1, count**2, frequencies**2)[..., 1:] * _WEIGHTS
    lengths = np.linalg.norm(weighted, axis=-1, keepdims=True)
    described = np.where(lengths > _FLAT, weighted / np.maximum(lengths, _FLAT), 0)
    steps: Descriptors = np.rint(described * _STEPS).astype(np.int16)
    return steps


def products(first: Descriptors, second: Descriptors) -> Similarities:
    """Multiply all descriptors of two lists, `[..., N, 99]` and `[M, 99]`: float32 `[..., N, M]`, -1..1 within 0.01.

    The sums are of whole numbers below 2 to the 24th, and so exact, in whatever order a processor adds them up.
    """
    result: Similarities = (first.astype(np.float32) @ second.T.astype(np.float32)) / np.float32(_STEPS**2)
    return result


def similarity(first: Fingerprints, second: Fingerprints) -> Similarities:
    """How alike images are: the best of all windows of one on the whole of the other, both ways.

    Args:
        first: uint8 `[N, 24, 24]`.
        second: uint8 `[M, 24, 24]`.

    Returns:
        float32 `[N, M]`, -1..1 within 0.01; 1 for pictures that differ in brightness and contrast only.
    """
    windows = describe(first, CROPS), describe(second, CROPS)
    forth = products(windows[0], windows[1][:, 0]).max(axis=1)
    back = products(windows[1], windows[0][:, 0]).max(axis=1)
    best: Similarities = np.maximum(forth, back.T)
    return best


@cache
def _kernels(spans: Spans) -> npt.NDArray[np.float64]:
    """Cosine transforms of spans of 24 pixels: `[S * 10, 24]`."""
    return np.concatenate([_COSINES @ _resampling(start, end) for start, end in spans])


def _resampling(start: float, end: float) -> npt.NDArray[np.float64]:
    """Average a span of 24 pixels into 32 samples: `[32, 24]`."""
    edges = np.linspace(start * SIDE, end * SIDE, _SAMPLES + 1)
    pixels = np.arange(SIDE)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares = np.clip(covered, 0, None)
    averaging: npt.NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return averaging
