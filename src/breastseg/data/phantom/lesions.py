"""Lesions: outline, echo pattern, border and effect on what lies behind, by kind.

The three kinds follow the ultrasound lexicon of the ACR BI-RADS atlas (5th edition, 2013) and Stavros et al. (Solid
breast nodules: use of sonography to distinguish between benign and malignant lesions, Radiology 196, 1995): cysts
are free of echoes and enhance what is behind; fibroadenomas are hypoechoic to isoechoic ovals in a thin capsule;
carcinomas are irregular, markedly hypoechoic, with an echogenic halo and a shadow. Enhancement and shadow are no part
of the drawing: they follow from the lesion's attenuation. Cyst fluid hardly attenuates, carcinomas attenuate more than
glandular tissue (Szabo 2014, appendix B; D'Astous and Foster, Ultrasound in Med. & Biol. 12, 1986).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from breastseg.data.phantom.fields import smooth_field
from breastseg.data.phantom.outlines import Outline, draw_oval, draw_spiculated

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    from breastseg.data.phantom.fields import Field
    from breastseg.data.phantom.medium import Medium

Range = tuple[float, float]


@dataclass(frozen=True)
class Kind:
    """What lesions of a kind have in common; ranges are drawn from evenly.

    Attributes:
        outline: Draws an outline of a given area in pixels.
        area_share: Range of the area as a share of the image; its logarithm is drawn evenly.
        echo_db: Range of the mean echogenicity.
        texture_db: Standard deviation of the echogenicity inside.
        attenuation: Range in dB/(cm MHz).
        border_width: Range of the width over which the border blurs, as a share of the height.
        rim_db: Range of the echogenicity of the rim: a capsule or a halo.
        rim_width: Range of the width of the rim, as a share of the height.
        edge_attenuation: Attenuation in dB/(cm MHz) of the flanks, where a smooth curved border refracts the beam away.
    """

    outline: Callable[[Generator, float], Outline]
    area_share: Range
    echo_db: Range
    texture_db: float
    attenuation: Range
    border_width: Range
    rim_db: Range
    rim_width: Range
    edge_attenuation: float


CYST = Kind(
    outline=draw_oval,
    area_share=(0.02, 0.10),
    echo_db=(-42, -30),
    texture_db=1,
    attenuation=(0.02, 0.2),
    border_width=(0.002, 0.004),
    rim_db=(3, 8),
    rim_width=(0.004, 0.007),
    edge_attenuation=1.5,
)
FIBROADENOMA = Kind(
    outline=draw_oval,
    area_share=(0.025, 0.14),
    echo_db=(-18, -11),
    texture_db=1.5,
    attenuation=(0.4, 0.7),
    border_width=(0.004, 0.009),
    rim_db=(3, 8),
    rim_width=(0.004, 0.007),
    edge_attenuation=1.5,
)
CARCINOMA = Kind(
    outline=draw_spiculated,
    area_share=(0.03, 0.16),
    echo_db=(-22, -12),
    texture_db=3,
    attenuation=(1.0, 2.0),
    border_width=(0.008, 0.018),
    rim_db=(4, 10),
    rim_width=(0.013, 0.035),
    edge_attenuation=0,
)


@dataclass(frozen=True)
class Lesion:
    """A lesion at its place.

    Attributes:
        kind: What it is.
        outline: Its true border.
        centre_px: Row and column.
    """

    kind: Kind
    outline: Outline
    centre_px: tuple[float, float]

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """The truth: bool `[H, W]`, true inside the outline."""
        return self.outline.depth_inside(shape, self.centre_px) > 0


def draw_lesion(rng: Generator, kind: Kind, shape: tuple[int, int], columns: Range, scale: float) -> Lesion:
    """Draw a lesion that lies wholly in the image, between skin and muscle.

    Args:
        rng: Source of randomness.
        kind: What to draw.
        shape: Rows and columns of the image.
        columns: Columns between which the lesion lies.
        scale: Factor on its area.
    """
    share = np.exp(rng.uniform(*np.log(kind.area_share)))
    outline = kind.outline(rng, scale * share * shape[0] * shape[1])
    row = _between(rng, (0.09 * shape[0], 0.74 * shape[0]), outline.half_height_px)
    return Lesion(kind, outline, (row, _between(rng, columns, outline.half_width_px)))


def _between(rng: Generator, limits: Range, half: float) -> float:
    """Draw a centre that keeps both ends within the limits, or the middle where the lesion fills them."""
    low, high = limits[0] + half, limits[1] - half
    return rng.uniform(low, high) if low < high else sum(limits) / 2


def insert_lesion(rng: Generator, medium: Medium, lesion: Lesion) -> Medium:
    """Put a lesion into the medium: its rim, its body and its refracting flanks."""
    kind, height = lesion.kind, medium.shape[0]
    depth = lesion.outline.depth_inside(medium.shape, lesion.centre_px)
    inside = 1 / (1 + np.exp(-np.clip(depth / (height * rng.uniform(*kind.border_width)), -30, 30)))
    body = rng.uniform(*kind.echo_db) + kind.texture_db * smooth_field(rng, medium.shape, (3, 5))
    medium = medium.raised(rng.uniform(*kind.rim_db) * _rim(rng, depth, height * rng.uniform(*kind.rim_width)))
    medium = medium.replaced(inside, body, rng.uniform(*kind.attenuation))
    return medium.damped(kind.edge_attenuation * _flanks(lesion, depth))


def _rim(rng: Generator, depth: Field, width_px: float) -> Field:
    """A band outside the border, interrupted at random."""
    height, width = depth.shape
    strength = np.clip(0.7 + 0.5 * smooth_field(rng, (height, width), (8, 12)), 0, 1.3)
    return np.asarray(np.exp(-0.5 * ((depth + width_px) / width_px) ** 2) * strength)


def _flanks(lesion: Lesion, depth: Field) -> Field:
    """The two sides of a lesion, where its border runs along the beam."""
    across = np.arange(depth.shape[1], dtype=np.float32) - lesion.centre_px[1]
    sideways = np.clip(np.abs(across) / lesion.outline.half_width_px, 0, 1) ** 8
    return np.asarray(np.exp(-0.5 * (depth / 2) ** 2) * sideways)
