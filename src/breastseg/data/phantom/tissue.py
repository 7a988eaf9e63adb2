"""The healthy breast: skin, subcutaneous fat with Cooper's ligaments, fibroglandular layer, pectoral muscle.

Order and echogenicity of the layers follow the ACR BI-RADS atlas (5th edition, 2013, ultrasound lexicon): fat is the
grey to which others are compared, fibroglandular tissue and ligaments are brighter, muscle is streaked along its
fibres. Attenuation coefficients lie in the ranges that Szabo tabulates (Diagnostic Ultrasound Imaging: Inside Out,
2nd edition, 2014, appendix B) and Duck collects (Physical Properties of Tissue, 1990): fat about 0.5, glandular tissue
0.7 to 1, muscle about 1 dB/(cm MHz).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from breastseg.data.phantom.fields import bend, ridges, smooth_curve, smooth_field
from breastseg.data.phantom.medium import Medium

if TYPE_CHECKING:
    from numpy.random import Generator

    from breastseg.data.phantom.fields import Field

FAT_ECHO_DB = -9.0
FAT_ATTENUATION = 0.55
GLAND_ATTENUATION = 0.75
MUSCLE_ECHO_DB = -10.0
MUSCLE_ATTENUATION = 0.95


@dataclass(frozen=True)
class Layers:
    """Lower borders of the layers in pixels, each float `[W]`, and the curve that the layers follow."""

    skin: Field
    fat: Field
    gland: Field
    rise: Field


def draw_layers(rng: Generator, shape: tuple[int, int]) -> Layers:
    """Draw undulating borders that never cross."""
    height, width = shape
    rise = rng.uniform(0.005, 0.025) * height * smooth_curve(rng, width, 0.2 * width)
    wave = rng.uniform(0.01, 0.03) * height * smooth_curve(rng, width, 0.06 * width)
    skin = np.full(width, rng.uniform(0.035, 0.07) * height, np.float32)
    fat = np.maximum(skin + 0.04 * height, rng.uniform(0.15, 0.38) * height + rise + wave)
    gland = np.maximum(fat + 0.2 * height, rng.uniform(0.65, 0.95) * height + rise)
    return Layers(skin, fat, gland, rise)


def draw_breast(rng: Generator, shape: tuple[int, int]) -> Medium:
    """Draw a breast without lesion.

    Args:
        rng: Source of randomness.
        shape: Rows and columns.
    """
    layers = draw_layers(rng, shape)
    medium = Medium(_gland(rng, shape, layers), np.full(shape, GLAND_ATTENUATION, np.float32))
    medium = medium.replaced(_above(layers.fat, shape), _fat(rng, shape, layers), FAT_ATTENUATION)
    below = 1 - _above(layers.gland, shape)
    medium = medium.replaced(below, _muscle(rng, shape, layers), MUSCLE_ATTENUATION)
    medium = medium.raised(_fascia(rng, shape, layers.fat)).raised(_fascia(rng, shape, layers.gland))
    return medium.replaced(_above(layers.skin, shape), _skin(shape, layers), GLAND_ATTENUATION)


def _above(border: Field, shape: tuple[int, int]) -> Field:
    """Weight of the layer above a border, with a transition of about a pixel."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    return np.asarray(np.clip(border - rows + 0.5, 0, 1), np.float32)


def _skin(shape: tuple[int, int], layers: Layers) -> Field:
    """Two bright lines, the entry and the dermis' lower border, around a grey band."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    lines = np.exp(-0.5 * (rows / 1.5) ** 2) + 0.7 * np.exp(-0.5 * ((rows - layers.skin + 2) / 1.2) ** 2)
    return np.asarray(-3 + 11 * lines, np.float32)


def _fat(rng: Generator, shape: tuple[int, int], layers: Layers) -> Field:
    """Lobules, parted by thin bright septa (Cooper's ligaments)."""
    lobule = rng.uniform(0.012, 0.022) * shape[0]
    septa = ridges(smooth_field(rng, shape, (lobule, 4 * lobule)), 0.9)
    strength = np.clip(0.5 + 0.6 * smooth_field(rng, shape, (3 * lobule, 6 * lobule)), 0, 1.3)
    body = FAT_ECHO_DB + 1.5 * smooth_field(rng, shape, (3, 12))
    return body + rng.uniform(9, 15) * bend(septa * strength, layers.rise)


def _gland(rng: Generator, shape: tuple[int, int], layers: Layers) -> Field:
    """Wavy bright strands of stroma, with islands of fat whose share differs from breast to breast."""
    height = shape[0]
    strands = smooth_field(rng, shape, (0.008 * height, 0.07 * height))
    lines = ridges(smooth_field(rng, shape, (0.014 * height, 0.09 * height)), 0.8)
    patches = np.clip(0.4 + 0.7 * smooth_field(rng, shape, (0.05 * height, 0.1 * height)), 0, 1.5)
    islands = smooth_field(rng, shape, (0.022 * height, 0.05 * height))
    fatty = 1 / (1 + np.exp(-5 * (islands - rng.uniform(0.4, 1.8))))
    strand_db = rng.uniform(2, 4) * strands + rng.uniform(4, 10) * lines * patches
    coarse = rng.uniform(2, 3.5) * smooth_field(rng, shape, (0.1 * height, 0.2 * height))
    return bend(strand_db + fatty * (FAT_ECHO_DB - 1) + coarse, layers.rise)


def _muscle(rng: Generator, shape: tuple[int, int], layers: Layers) -> Field:
    """Fibres along the chest wall."""
    fibres = smooth_field(rng, shape, (0.008 * shape[0], 0.2 * shape[0]))
    return MUSCLE_ECHO_DB + rng.uniform(3, 5) * bend(fibres, layers.rise)


def _fascia(rng: Generator, shape: tuple[int, int], border: Field) -> Field:
    """A bright, interrupted line along the border of two layers."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    strength = np.clip(0.6 + 0.6 * smooth_curve(rng, shape[1], 20), 0, 1.3)
    line = np.exp(-0.5 * ((rows - border) / rng.uniform(0.9, 1.6)) ** 2)
    return np.asarray(rng.uniform(4, 11) * strength * line, np.float32)
