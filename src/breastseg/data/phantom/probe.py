"""The ultrasound probe: the numbers that set resolution, penetration and artefacts of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

    from breastseg.data.phantom.fields import Field

AXIAL_SAMPLES_A_PIXEL = 3  # the pulse is shorter than a pixel
SOUND_SPEED_MM_US = 1.54  # the mean of soft tissue that scanners assume
_FWHM_PER_SIGMA = 2.355  # full width at half maximum of a Gaussian


@dataclass(frozen=True)
class Probe:
    """A linear array and its setting.

    Attributes:
        centre_mhz: Centre frequency.
        bandwidth: Full width at half maximum of the pulse's spectrum, as a share of the centre frequency.
        f_number: Focal distance over aperture.
        focus_mm: Depth of the transmit focus.
        pixel_mm: Side of a pixel.
        scatterers_a_cell: Mean number of scatterers in a resolution cell at the focus; about 10 and more give fully
            developed speckle.
        side_lobe_db: Level of the broad pedestal of the beam, which fills cysts with clutter.
        reverberation_db: Level of the echo's first repetition between the interfaces of skin and probe.
        reverberation_mm: Distance of these interfaces.
        noise_db: Electronic noise, relative to glandular tissue without attenuation.
    """

    centre_mhz: float
    bandwidth: float
    f_number: float
    focus_mm: float
    pixel_mm: float
    scatterers_a_cell: float
    side_lobe_db: float
    reverberation_db: float
    reverberation_mm: float
    noise_db: float

    @property
    def sample_mm(self) -> float:
        """Axial distance of the samples."""
        return self.pixel_mm / AXIAL_SAMPLES_A_PIXEL

    @property
    def wavelength_mm(self) -> float:
        """Wavelength at the centre frequency."""
        return SOUND_SPEED_MM_US / self.centre_mhz

    @property
    def axial_sigma_mm(self) -> float:
        """Standard deviation of the pulse's envelope in depth; the way there and back halves it."""
        sigma_mhz = self.bandwidth * self.centre_mhz / _FWHM_PER_SIGMA
        return SOUND_SPEED_MM_US / (2 * np.pi * sigma_mhz) / 2

    @property
    def cell_mm2(self) -> float:
        """Area of the resolution cell at the focus: the product of both full widths at half maximum."""
        lateral = self.lateral_sigma_mm(np.array([self.focus_mm]))
        return float(_FWHM_PER_SIGMA**2 * self.axial_sigma_mm * lateral[0])

    def lateral_sigma_mm(self, depth_mm: Field) -> Field:
        """Standard deviation of the beam at depths in mm: wavelength times f-number at the focus, wider away from it.

        The width grows like that of a Gaussian beam, whose depth of field goes with the f-number squared (Szabo 2014,
        chapter 6).
        """
        waist = self.wavelength_mm * self.f_number / _FWHM_PER_SIGMA
        field_mm = 8 * self.wavelength_mm * self.f_number**2
        return np.asarray(waist * np.hypot(1, (depth_mm - self.focus_mm) / field_mm))


def draw_probe(rng: Generator, height_px: int) -> Probe:
    """Draw a probe and its setting as breast examinations use them, for an image of so many rows."""
    depth_mm = rng.uniform(30, 45)
    return Probe(
        centre_mhz=rng.uniform(7, 11),
        bandwidth=rng.uniform(0.4, 0.6),
        f_number=rng.uniform(2.0, 3.0),
        focus_mm=rng.uniform(0.3, 0.7) * depth_mm,
        pixel_mm=depth_mm / height_px,
        scatterers_a_cell=15,
        side_lobe_db=rng.uniform(-36, -26),
        reverberation_db=rng.uniform(-30, -16),
        reverberation_mm=rng.uniform(0.8, 2.0),
        noise_db=rng.uniform(-78, -62),
    )
