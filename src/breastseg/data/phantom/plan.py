"""What image i shows: decided from its number alone, so that a longer set begins with the shorter one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from breastseg.params.phantom import Phantom

Label = Literal["benign", "malignant", "normal"]


@dataclass(frozen=True)
class Plan:
    """What an image shows.

    Attributes:
        index: Number of the image in the set, from 0.
        label: The finding.
        number: Number of the image within its label, from 1.
        lesions: 0 for normals, else 1 or 2.
        distractor: Whether something in it merely looks like a lesion.
        shape: Its height and width in pixels.
    """

    index: int
    label: Label
    number: int
    lesions: int
    distractor: bool
    shape: tuple[int, int]

    @property
    def stem(self) -> str:
        """The file name without its ending, as in BUSI: `benign (1)`."""
        return f"{self.label} ({self.number})"


def plan_images(params: Phantom) -> list[Plan]:
    """Decide what every image shows; every share holds within an image or two in each stretch of the set."""
    counts: Counter[Label] = Counter()
    plans = []
    for index in range(params.images):
        label = _label(index, params)
        counts[label] += 1
        lesions = 0 if label == "normal" else 1 + (_even(index, 3) < params.two_lesions_share)
        distractor = _even(index, 5) < params.distractor_share
        plans.append(Plan(index, label, counts[label], lesions, distractor, _shape(index, params)))
    return plans


def _label(index: int, params: Phantom) -> Label:
    position = _even(index, 2)
    if position < params.normal_share:
        return "normal"
    return "malignant" if position < params.normal_share + params.malignant_share else "benign"


def _shape(index: int, params: Phantom) -> tuple[int, int]:
    """Scale both sides alike, the logarithm evenly."""
    scale = params.size_spread ** (2 * _even(index, 7) - 1)
    return round(scale * params.height_px), round(scale * params.width_px)


def _even(index: int, prime: int) -> float:
    """Kronecker's sequence: multiples of an irrational number modulo 1 are evenly spread over 0..1.

    Roots of different primes are rationally independent, so that the shares hold jointly too (Weyl 1916).
    """
    return float((index + 0.5) * np.sqrt(prime) % 1)
