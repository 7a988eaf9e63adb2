"""The physics: speckle statistics, resolution, attenuation, shadow and enhancement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, rayleigh

from breastseg.data.phantom.acoustics import echo_envelope, lateral_beam, round_trip_db
from breastseg.data.phantom.lesions import CARCINOMA, CYST, FIBROADENOMA, Kind, draw_lesion, insert_lesion
from breastseg.data.phantom.medium import Medium
from breastseg.data.phantom.probe import AXIAL_SAMPLES_A_PIXEL, Probe, draw_probe

SHAPE = (224, 280)
RAYLEIGH_SNR = np.sqrt(np.pi / (4 - np.pi))


def homogeneous(attenuation: float = 0.0) -> Medium:
    return Medium(np.zeros(SHAPE, np.float32), np.full(SHAPE, attenuation, np.float32))


def probe(seed: int) -> Probe:
    return draw_probe(np.random.default_rng(seed), SHAPE[0])


def speckle(scanner: Probe) -> np.ndarray[tuple[int, ...], np.dtype[np.floating]]:
    """The envelope of a homogeneous medium, without its ends, where the pulse meets no scatterers."""
    return echo_envelope(np.random.default_rng(0), homogeneous(), scanner)[30:-30]


def goodness_of_fit(envelope: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> float:
    """Kolmogorov and Smirnov's p value against the Rayleigh distribution.

    The test wants independent samples: grids wider than the grain; the median over nine of them.
    """
    scale = np.sqrt(np.mean(envelope**2) / 2)
    grids = [envelope[row::18, column::18].ravel() for row in (0, 6, 12) for column in (0, 6, 12)]
    return float(np.median([kstest(grid, rayleigh(scale=scale).cdf).pvalue for grid in grids]))


@pytest.mark.parametrize("seed", range(5))
def test_envelope_of_a_homogeneous_region_is_rayleigh_distributed(seed: int) -> None:
    envelope = speckle(probe(seed))
    assert envelope.mean() / envelope.std() == pytest.approx(RAYLEIGH_SNR, abs=0.06)
    assert goodness_of_fit(envelope) > 0.05


@pytest.mark.parametrize("seed", range(5))
def test_too_few_scatterers_are_no_fully_developed_speckle(seed: int) -> None:
    envelope = speckle(replace(probe(seed), scatterers_a_cell=0.5))
    assert envelope.mean() / envelope.std() < RAYLEIGH_SNR - 0.3
    assert goodness_of_fit(envelope) < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_glandular_tissue_has_the_same_mean_power_at_every_depth(seed: int) -> None:
    scanner = replace(probe(seed), reverberation_db=-60)
    by_depth = [part.mean() for part in np.array_split(speckle(scanner) ** 2, 6)]
    assert by_depth == pytest.approx([1] * 6, rel=0.12)


def test_the_beam_is_narrowest_at_the_focus() -> None:
    scanner = replace(probe(0), side_lobe_db=-200)
    points = np.zeros((AXIAL_SAMPLES_A_PIXEL * SHAPE[0], SHAPE[1]), np.complex64)
    points[:, SHAPE[1] // 2] = 1
    beam = np.abs(lateral_beam(points, scanner))
    width_px = beam.sum(axis=1) / beam.max(axis=1) / np.sqrt(2 * np.pi)  # of a Gaussian: its standard deviation
    depth_mm = np.arange(len(width_px)) * scanner.sample_mm
    assert width_px * scanner.pixel_mm == pytest.approx(scanner.lateral_sigma_mm(depth_mm), rel=0.02)
    assert depth_mm[width_px.argmin()] == pytest.approx(scanner.focus_mm, abs=1)


@given(attenuation=st.floats(0.0, 3.0), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_round_trip_loss_is_twice_coefficient_frequency_depth(attenuation: float, seed: int) -> None:
    scanner = probe(seed)
    depth_cm = np.arange(1, SHAPE[0] + 1) * scanner.pixel_mm / 10
    loss = round_trip_db(homogeneous(attenuation), scanner)
    assert loss[:, 100] == pytest.approx(2 * attenuation * scanner.centre_mhz * depth_cm, rel=1e-3, abs=1e-4)


def behind(kind: Kind, seed: int) -> float:
    """Mean level behind a lesion in dB, relative to the same medium without it."""
    rng, scanner = np.random.default_rng(seed), replace(probe(seed), noise_db=-300)
    tissue = homogeneous(0.75)
    lesion = draw_lesion(rng, kind, SHAPE, (40, 240), scale=1)
    with_lesion = insert_lesion(rng, tissue, lesion)
    start = int(lesion.centre_px[0] + lesion.outline.half_height_px + 12) * AXIAL_SAMPLES_A_PIXEL
    middle = int(lesion.centre_px[1])
    power = [
        np.mean(
            echo_envelope(np.random.default_rng(1), medium, scanner)[start : start + 40, middle - 3 : middle + 4] ** 2
        )
        for medium in (with_lesion, tissue)
    ]
    return float(10 * np.log10(power[0] / power[1]))


@pytest.mark.parametrize("seed", range(4))
def test_cysts_enhance_and_carcinomas_shadow_what_lies_behind(seed: int) -> None:
    assert behind(CYST, seed) > 3
    assert behind(FIBROADENOMA, seed) > -0.5
    assert behind(CARCINOMA, seed) < -2


def test_noise_fills_what_has_no_echo() -> None:
    silent = Medium(np.full(SHAPE, -300, np.float32), np.zeros(SHAPE, np.float32))
    scanner = replace(probe(0), noise_db=-40)
    power = np.mean(echo_envelope(np.random.default_rng(0), silent, scanner) ** 2)
    assert 10 * np.log10(power) == pytest.approx(-40, abs=0.1)
