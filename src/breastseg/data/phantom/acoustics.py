"""From a medium to the envelope of its echoes: a linear model of pulse-echo imaging.

The radio-frequency image is the convolution of point scatterers with the pulse-echo response (Bamber and Dickinson,
Phys. Med. Biol. 25, 1980), as in Field II (Jensen, Field: a program for simulating ultrasound systems, Med. Biol. Eng.
Comput. 34, 1996). It is computed as the analytic signal, mixed down by the centre frequency: the pulse is narrow in
band, so that a scatterer at depth z is the phasor exp(-2i k z), and the modulus is the envelope that a Hilbert
transform of the radio-frequency signal would give. Many scatterers in a resolution cell add up to a circular Gaussian,
whose modulus is Rayleigh distributed: fully developed speckle (Burckhardt, IEEE Trans. Sonics Ultrason. 25, 1978;
Wagner et al., same journal 30, 1983: the ratio of mean to standard deviation is sqrt(pi / (4 - pi)) = 1.91).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.data.phantom.fields import gaussian_transfer
from breastseg.data.phantom.probe import AXIAL_SAMPLES_A_PIXEL

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from breastseg.data.phantom.fields import Field
    from breastseg.data.phantom.medium import Medium
    from breastseg.data.phantom.probe import Probe

    Phasors = NDArray[np.complexfloating]


def echo_envelope(rng: Generator, medium: Medium, probe: Probe) -> Field:
    """Simulate the envelope of the echoes of a medium.

    Args:
        rng: Source of randomness.
        medium: Echogenicity and attenuation, `[H, W]`.
        probe: The probe.

    Returns:
        float32 `[AXIAL_SAMPLES_A_PIXEL * H, W]`; glandular tissue without attenuation has a mean power of 1.
    """
    echo_db = medium.echo_db - round_trip_db(medium, probe)
    amplitude = np.repeat(10 ** (echo_db / 20), AXIAL_SAMPLES_A_PIXEL, axis=0)
    height, width = amplitude.shape
    echoes = axial_pulse(lateral_beam(amplitude * scatterers(rng, (height, width), probe), probe), probe)
    return np.abs(echoes + np.float32(10 ** (probe.noise_db / 20)) * _white_noise(rng, (height, width)))


def round_trip_db(medium: Medium, probe: Probe) -> Field:
    """Loss on the way to each pixel and back: 2 f times the integral of the attenuation coefficient, in dB.

    The aperture sees each depth through a cone, so that shadows have soft edges: the integral is averaged across.
    """
    width = medium.shape[1]
    one_way = np.cumsum(medium.attenuation, axis=0) * np.float32(probe.pixel_mm / 10)
    spread = np.asarray(gaussian_transfer(np.fft.rfftfreq(width), 1.5), np.float32)
    averaged = np.fft.irfft(np.fft.rfft(one_way, axis=1) * spread, width, axis=1)
    return np.asarray(2 * probe.centre_mhz * averaged, np.float32)


def scatterers(rng: Generator, shape: tuple[int, int], probe: Probe) -> Phasors:
    """Scatter points evenly over the grid and sum the phasors of those that share a sample.

    Returns:
        complex64 `[rows, columns]` with a mean power of 1 a sample.
    """
    a_sample = probe.scatterers_a_cell / probe.cell_mm2 * probe.sample_mm * probe.pixel_mm
    samples = shape[0] * shape[1]
    place = rng.integers(0, samples, rng.poisson(a_sample * samples))
    # where in its sample a scatterer lies turns its echo by a good part of a cycle
    depth_mm = (place // shape[1] + rng.random(place.size)) * probe.sample_mm
    # impedance rises at one scatterer and falls at the next; of equal signs the mean would echo too, on a coarse grid
    sign = np.pi * rng.integers(0, 2, place.size)
    phase = (4 * np.pi / probe.wavelength_mm * depth_mm + sign).astype(np.float32)
    summed = np.bincount(place, np.cos(phase), samples) - 1j * np.bincount(place, np.sin(phase), samples)
    return np.asarray(summed.reshape(shape) / np.sqrt(a_sample), np.complex64)


def lateral_beam(echoes: Phasors, probe: Probe) -> Phasors:
    """Blur each row by the beam of its depth; one Fourier transform along the rows serves all widths.

    The beam keeps the mean power of diffuse scatterers at every depth.
    """
    frequency = np.fft.fftfreq(echoes.shape[1])
    sigma_px = probe.lateral_sigma_mm(np.arange(echoes.shape[0]) * probe.sample_mm)[:, None] / probe.pixel_mm
    side_lobes = 10 ** (probe.side_lobe_db / 20) * gaussian_transfer(frequency, 5 * sigma_px)
    beam = gaussian_transfer(frequency, sigma_px) + side_lobes
    beam /= np.sqrt(np.mean(beam**2, axis=1, keepdims=True))
    return np.asarray(np.fft.ifft(np.fft.fft(echoes, axis=1) * beam.astype(np.float32), axis=1))


def axial_pulse(echoes: Phasors, probe: Probe) -> Phasors:
    """Convolve each column with the pulse's envelope and its repetitions between skin and probe."""
    rows = echoes.shape[0]
    padded = rows + 32  # keeps the periodic convolution from carrying the last rows into the first
    frequency = np.fft.fftfreq(padded)
    pulse = gaussian_transfer(frequency, probe.axial_sigma_mm / probe.sample_mm)
    pulse = pulse / np.sqrt(np.mean(pulse**2))
    delay = np.exp(-2j * np.pi * frequency * probe.reverberation_mm / probe.sample_mm)
    repeated = pulse / (1 - 10 ** (probe.reverberation_db / 20) * delay)
    spectrum = np.fft.fft(echoes, padded, axis=0) * repeated[:, None].astype(np.complex64)
    return np.asarray(np.fft.ifft(spectrum, axis=0)[:rows])


def _white_noise(rng: Generator, shape: tuple[int, int]) -> Phasors:
    """Circular Gaussian noise of mean power 1, complex64."""
    parts = rng.standard_normal((*shape, 2), dtype=np.float32) / np.float32(np.sqrt(2))
    return np.asarray(parts.view(np.complex64)[..., 0])
