"""One image of the phantom and its masks: the links of the chain in their order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from breastseg.data.phantom.acoustics import echo_envelope
from breastseg.data.phantom.display import draw_display, grey_image
from breastseg.data.phantom.distractors import insert_distractor
from breastseg.data.phantom.lesions import CARCINOMA, CYST, FIBROADENOMA, Kind, Lesion, draw_lesion, insert_lesion
from breastseg.data.phantom.probe import draw_probe
from breastseg.data.phantom.tissue import draw_breast

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from breastseg.data.phantom.display import GreyImage
    from breastseg.data.phantom.plan import Label, Plan
    from breastseg.params.phantom import Phantom

Pixel = TypeVar("Pixel", np.uint8, np.bool_)

_MARGIN_PX = 12  # drawn on either side and cut off: transforms along the rows are periodic
_CYST_SHARE = 0.3
_TWO_LESIONS_SCALE = 0.5


@dataclass(frozen=True)
class Scan:
    """A simulated image.

    Attributes:
        image: uint8 `[H, W]`.
        masks: bool `[H, W]`, one a lesion; a normal has one that is empty.
    """

    image: GreyImage
    masks: tuple[NDArray[np.bool_], ...]


def simulate(params: Phantom, plan: Plan) -> Scan:
    """Simulate one image; it depends on its plan and the seed alone."""
    rng = np.random.default_rng([params.seed, plan.index])
    height, width = plan.shape
    shape = (height, width + 2 * _MARGIN_PX)
    lesions = _draw_lesions(rng, plan, shape)
    medium = draw_breast(rng, shape)
    if plan.distractor:
        medium = insert_distractor(rng, medium)
    for lesion in lesions:
        medium = insert_lesion(rng, medium, lesion)
    probe = draw_probe(rng, height)
    display = draw_display(rng, height, probe)
    image = grey_image(echo_envelope(rng, medium, probe), display)
    masks = [lesion.mask(shape) for lesion in lesions] or [np.zeros(shape, np.bool_)]
    return Scan(_cut(image), tuple(_cut(mask) for mask in masks))


def _draw_lesions(rng: Generator, plan: Plan, shape: tuple[int, int]) -> list[Lesion]:
    """Draw the lesions side by side, so that they cannot overlap."""
    borders = np.linspace(_MARGIN_PX + 3, shape[1] - _MARGIN_PX - 3, plan.lesions + 1)
    scale = 1 if plan.lesions == 1 else _TWO_LESIONS_SCALE
    columns = pairwise(borders)
    return [draw_lesion(rng, _draw_kind(rng, plan.label), shape, limits, scale) for limits in columns]


def _draw_kind(rng: Generator, label: Label) -> Kind:
    if label == "malignant":
        return CARCINOMA
    return CYST if rng.random() < _CYST_SHARE else FIBROADENOMA


def _cut(pixels: NDArray[Pixel]) -> NDArray[Pixel]:
    return pixels[:, _MARGIN_PX:-_MARGIN_PX]
