"""What is held of an image while near-duplicates are sought, and how alike two of these are, crops of each other too."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from breastseg.inference.decode import UInt8Image

Fingerprints = npt.NDArray[np.uint8]
Descriptors = npt.NDArray[np.float32]
Similarities = npt.NDArray[np.float32]

SIDE = 24
_SAMPLES = 32
_FREQUENCIES = np.arange(10)
_COSINES = np.cos(np.pi * np.outer(_FREQUENCIES, 2 * np.arange(_SAMPLES) + 1) / (2 * _SAMPLES))
# the mean (frequency 0, 0) is what brightness changes
_WEIGHTS = np.hypot(*np.meshgrid(_FREQUENCIES, _FREQUENCIES)).ravel()[1:]


class Window(NamedTuple):
    """A part of an image, in shares of its width and height."""

    left: float
    right: float
    top: float
    bottom: float


WHOLE = Window(0, 1, 0, 1)
_SPANS = ((0.0, 1.0), (0.0, 0.9), (0.1, 1.0), (0.05, 0.95), (0.1, 0.9))
# the whole comes first; the others are what a crop of up to a tenth from each side leaves
WINDOWS = tuple(Window(*across, *down) for across, down in product(_SPANS, _SPANS))


def fingerprint(image: UInt8Image) -> Fingerprints:
    """Reduce an image to uint8 `[24, 24]`, whatever its shape.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`.
    """
    return np.asarray(Image.fromarray(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


def describe(fingerprints: Fingerprints, window: Window = WHOLE) -> Descriptors:
    """Describe a window of images so that the product of two descriptors says how alike they are.

    These are the lowest 99 coefficients of the type-II discrete cosine transform, weighted by their frequency, because
    the spectra of pictures fall with it (Field 1987, https://doi.org/10.1364/JOSAA.4.002379) and all pictures would be
    alike otherwise, and brought to length 1, so that neither brightness nor contrast counts.

    Args:
        fingerprints: uint8 `[N, 24, 24]`.
        window: The part that is described.

    Returns:
        float32 `[N, 99]` of length 1; 0 where the window has one value only.
    """
    down = (_COSINES @ _resampling(window.top, window.bottom)).astype(np.float32)
    across = (_COSINES @ _resampling(window.left, window.right)).astype(np.float32)
    coefficients = (down @ fingerprints.astype(np.float32) @ across.T).reshape(len(fingerprints), -1)[:, 1:]
    weighted = coefficients * _WEIGHTS.astype(np.float32)
    lengths = np.linalg.norm(weighted, axis=1, keepdims=True)
    # what is left of a flat window is rounding
    described: Descriptors = np.where(lengths > 1e-2, weighted / np.maximum(lengths, 1e-2), np.float32(0))
    return described


def similarity(first: Fingerprints, second: Fingerprints) -> Similarities:
    """How alike images are: the best of all windows of one on the whole of the other, both ways.

    Args:
        first: uint8 `[N, 24, 24]`.
        second: uint8 `[M, 24, 24]`.

    Returns:
        float32 `[N, M]`, -1..1; 1 for pictures that differ in brightness and contrast only.
    """
    wholes = describe(first), describe(second)
    best = wholes[0] @ wholes[1].T
    for window in WINDOWS[1:]:
        np.maximum(best, describe(first, window) @ wholes[1].T, out=best)
        np.maximum(best, wholes[0] @ describe(second, window).T, out=best)
    return best


def _resampling(start: float, end: float) -> npt.NDArray[np.float64]:
    """Average a span of 24 pixels into 32 samples: `[32, 24]`."""
    edges = np.linspace(start * SIDE, end * SIDE, _SAMPLES + 1)
    pixels = np.arange(SIDE)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares = np.clip(covered, 0, None)
    return shares / shares.sum(axis=1, keepdims=True)
