"""What an answer is like, and how sure the network is of it, in a few numbers and without the truth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from breastseg.monitoring.confidence import promised_dice

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from breastseg.inference.lesions import Lesion

    Mask = npt.NDArray[np.bool_]
    Float32s = npt.NDArray[np.float32]

# pixels whose probability lies between are near the outline, or are what the network hesitates about
_BAND = (0.05, 0.95)

EMPTY = "empty"
YES_OR_NO = frozenset({EMPTY, "border_touch"})
"""Features that are 0 or 1."""


def answer_features(lesions: Sequence[Lesion], shape: tuple[int, int]) -> dict[str, float | None]:
    """Describe what was found.

    - `lesion_share`: share of the image's pixels.
    - `lesion_count`, `empty`: number of lesions; 1 where there is none, else 0.
    - `compactness`: 4 pi area / perimeter squared of the largest lesion, 1 for a disc (Polsby and Popper 1991).
    - `border_touch`: 1 where a lesion touches the image's border, else 0.

    Args:
        lesions: Largest first.
        shape: Height and width of the image, in pixels.

    Returns:
        The features; None where there is no lesion that they could be about.
    """
    height, width = shape
    touching = any(
        x0 == 0 or y0 == 0 or x1 == width or y1 == height for x0, y0, x1, y1 in (lesion.box for lesion in lesions)
    )
    return {
        "lesion_share": sum(lesion.area_px for lesion in lesions) / (height * width),
        "lesion_count": float(len(lesions)),
        EMPTY: float(not lesions),
        "compactness": _compactness(lesions[0].polygon) if lesions else None,
        "border_touch": float(touching) if lesions else None,
    }


def confidence_features(probability: Float32s, mask: Mask, presence: float | None = None) -> dict[str, float | None]:
    """Describe how sure the network is.

    - `soft_dice`: see `confidence.soft_dice`.
    - `presence`: probability of any lesion in the image.
    - `peak`: the largest probability of a pixel.
    - `margin`: mean distance of the mask's probabilities from one half, times two.
    - `doubt_share`: pixels with a probability of 0.05 to 0.95, as a share of the mask's pixels, logarithm of 1 + it.
    - `outline_entropy`: mean binary entropy of these pixels, in bits.

    Args:
        probability: Calibrated, float32 `[H, W]` in 0..1.
        mask: bool `[H, W]`, what was made of it.
        presence: Probability of any lesion in the image, 0..1; None where the network does not predict it.

    Returns:
        The features; None where there are no pixels that they could be about, or the network does not predict them.
    """
    inside = probability[mask]
    band = probability[(probability > _BAND[0]) & (probability < _BAND[1])]
    return {
        "soft_dice": promised_dice(probability, inside, presence),
        "presence": presence,
        "peak": float(probability.max()),
        "margin": float(2 * np.abs(inside - 0.5).mean()) if inside.size else None,
        "doubt_share": math.log1p(band.size / inside.size) if inside.size else None,
        "outline_entropy": _entropy(band) if band.size else None,
    }


def flip_disagreement(mask: Mask, mirrored: Mask | None) -> float | None:
    """Return how much the answer to an image differs from the one to its mirror image, turned back.

    Args:
        mask: bool `[H, W]`.
        mirrored: The same of the mirror image, turned back; None where nobody asked.

    Returns:
        1 minus the Dice of both, 0..1; 0 where both are empty; None where nobody asked.
    """
    if mirrored is None:
        return None
    total = np.count_nonzero(mask) + np.count_nonzero(mirrored)
    return 1 - 2 * np.count_nonzero(mask & mirrored) / total if total else 0.0


def _entropy(shares: Float32s) -> float:
    return float(-(shares * np.log2(shares) + (1 - shares) * np.log2(1 - shares)).mean(dtype=np.float64))


def _compactness(polygon: Sequence[Sequence[float]]) -> float:
    """Of a polygon that is not closed; area by the shoelace formula."""
    corners = np.asarray(polygon)
    following = np.roll(corners, -1, axis=0)
    area = abs(corners[:, 0] @ following[:, 1] - following[:, 0] @ corners[:, 1]) / 2
    perimeter = np.hypot(*(following - corners).T).sum()
    return float(4 * math.pi * area / perimeter**2) if perimeter else 0.0
