"""What looks like a lesion and is none: shadows without lesion, ribs, dark fat lobules, poor contact.

Each is described as a pitfall of breast ultrasound, e.g. by Stavros (Breast Ultrasound, 2004, chapters 4 and 6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.data.phantom.tissue import FAT_ATTENUATION, FAT_ECHO_DB

if TYPE_CHECKING:
    from numpy.random import Generator

    from breastseg.data.phantom.fields import Field
    from breastseg.data.phantom.medium import Medium


def insert_distractor(rng: Generator, medium: Medium) -> Medium:
    """Put one or two distractors of random kinds into the medium."""
    kinds = (_ligament_shadow, _rib, _fat_lobule, _poor_contact)
    for choice in rng.choice(len(kinds), rng.integers(1, 3), replace=False):
        medium = kinds[choice](rng, medium)
    return medium


def _ellipse(shape: tuple[int, int], centre: tuple[float, float], radii: tuple[float, float]) -> Field:
    """Squared distance from the centre in units of the radii: below 1 inside; positions as shares of the image."""
    rows = (np.arange(shape[0], dtype=np.float32)[:, None] / shape[0] - centre[0]) / radii[0]
    columns = (np.arange(shape[1], dtype=np.float32)[None, :] / shape[1] - centre[1]) / radii[1]
    return rows**2 + columns**2


def _ligament_shadow(rng: Generator, medium: Medium) -> Medium:
    """A steep ligament: a small bright reflector with a shadow below it."""
    centre = (rng.uniform(0.12, 0.45), rng.uniform(0.1, 0.9))
    spot = np.exp(-_ellipse(medium.shape, centre, (rng.uniform(0.01, 0.02), rng.uniform(0.02, 0.06))))
    return medium.raised(rng.uniform(4, 9) * spot).damped(rng.uniform(4, 8) * spot)


def _rib(rng: Generator, medium: Medium) -> Medium:
    """A rib at the chest wall: a bright arc with darkness below it."""
    distance = _ellipse(medium.shape, (rng.uniform(0.85, 1.0), rng.uniform(0.1, 0.9)), (0.13, rng.uniform(0.12, 0.25)))
    surface = np.exp(-0.5 * ((distance - 1) / 0.12) ** 2)
    return medium.raised(10 * surface).damped((distance < 1) * np.float32(15))


def _fat_lobule(rng: Generator, medium: Medium) -> Medium:
    """A lobule of fat within the gland: dark and flat, with the attenuation of fat."""
    centre = (rng.uniform(0.3, 0.7), rng.uniform(0.15, 0.85))
    distance = _ellipse(medium.shape, centre, (rng.uniform(0.04, 0.08), rng.uniform(0.08, 0.16)))
    inside = 1 / (1 + np.exp(np.clip(6 * (distance - 1), -30, 30)))
    septum = np.exp(-0.5 * ((distance - 1.2) / 0.15) ** 2)
    return medium.replaced(inside, FAT_ECHO_DB - rng.uniform(0, 4), FAT_ATTENUATION).raised(5 * septum)


def _poor_contact(rng: Generator, medium: Medium) -> Medium:
    """A side of the probe without contact: the sound is lost at the skin."""
    columns = np.arange(medium.shape[1], dtype=np.float32) / medium.shape[1]
    side = columns if rng.integers(2) else columns[::-1]
    lost = 1 / (1 + np.exp(40 * (side - rng.uniform(0.03, 0.12))))
    skin = np.arange(medium.shape[0])[:, None] < 0.04 * medium.shape[0]
    return medium.damped((rng.uniform(10, 20) * lost * skin).astype(np.float32))
