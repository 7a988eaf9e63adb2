"""Outlines of lesions: the morphology by which the BI-RADS lexicon tells benign from suspicious.

ACR BI-RADS atlas, 5th edition, 2013: oval, circumscribed and parallel to the skin (wider than tall) against irregular,
angular, spiculated and not parallel (taller than wide).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from breastseg.data.phantom.fields import Field

_ANGLES = np.linspace(-np.pi, np.pi, 720, endpoint=False)


@dataclass(frozen=True)
class Outline:
    """A star-shaped outline.

    Attributes:
        radii_px: Distance of the border from the centre, float64 `[720]`, at even angles from -pi; angle 0 points to
            the right, pi/2 down.
    """

    radii_px: NDArray[np.float64]

    @property
    def half_height_px(self) -> float:
        """The farther of the two vertical extents from the centre."""
        return float(np.abs(self.radii_px * np.sin(_ANGLES)).max())

    @property
    def half_width_px(self) -> float:
        """The farther of the two horizontal extents from the centre."""
        return float(np.abs(self.radii_px * np.cos(_ANGLES)).max())

    def depth_inside(self, shape: tuple[int, int], centre_px: tuple[float, float]) -> Field:
        """Distance to the border along the ray from the centre, in pixels.

        Args:
            shape: Rows and columns.
            centre_px: Row and column of the centre.

        Returns:
            float32 `[H, W]`, positive inside the lesion.
        """
        down = np.arange(shape[0])[:, None] - centre_px[0]
        across = np.arange(shape[1])[None, :] - centre_px[1]
        border = np.interp(np.arctan2(down, across), _ANGLES, self.radii_px, period=2 * np.pi)
        return np.asarray(border - np.hypot(down, across), np.float32)


def draw_oval(rng: Generator, area_px: float) -> Outline:
    """Draw a smooth, gently lobulated oval that is wider than tall."""
    ellipse = _ellipse(aspect=rng.uniform(0.5, 0.85), tilt=rng.normal(0, 0.15))
    return _of_area(ellipse * np.exp(_waves(rng, range(2, 4), 0.05)), area_px)


def draw_spiculated(rng: Generator, area_px: float) -> Outline:
    """Draw an irregular, angular outline with spicules that is mostly taller than wide."""
    ellipse = _ellipse(aspect=rng.uniform(0.95, 1.5), tilt=rng.normal(0, 0.25))
    corners = np.abs(_waves(rng, range(2, 6), 0.14))
    return _of_area(ellipse * np.exp(corners + _waves(rng, range(4, 10), 0.03) + _spicules(rng)), area_px)


def _ellipse(aspect: float, tilt: float) -> NDArray[np.float64]:
    """Radii of an ellipse of unit area up to pi; `aspect` is height over width, `tilt` radians."""
    angles = _ANGLES - tilt
    return np.asarray(1 / np.hypot(np.cos(angles) * np.sqrt(aspect), np.sin(angles) / np.sqrt(aspect)))


def _waves(rng: Generator, orders: range, amplitude: float) -> NDArray[np.float64]:
    """A sum of waves around the outline with random phases."""
    phases = rng.uniform(0, 2 * np.pi, len(orders))
    sizes = rng.normal(0, amplitude, len(orders))
    return np.cos(np.outer(_ANGLES, orders) + phases) @ sizes


def _spicules(rng: Generator) -> NDArray[np.float64]:
    """Narrow peaks in random directions."""
    count = rng.integers(7, 14)
    directions = rng.uniform(-np.pi, np.pi, count)
    away = np.angle(np.exp(1j * (_ANGLES[:, None] - directions)))
    peaks = np.exp(-0.5 * (away / rng.uniform(0.07, 0.16, count)) ** 2)
    return np.asarray((peaks * rng.uniform(0.1, 0.35, count)).max(axis=1))


def _of_area(radii: NDArray[np.float64], area_px: float) -> Outline:
    """Scale radii so that they enclose an area: half the integral of the squared radius over the angle."""
    area = np.pi * np.mean(radii**2)
    return Outline(radii * np.sqrt(area_px / area))
