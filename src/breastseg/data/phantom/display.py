"""From the envelope to the grey image that a scanner shows: time-gain compensation, log compression, grey levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from breastseg.data.phantom.fields import smooth_curve
from breastseg.data.phantom.probe import AXIAL_SAMPLES_A_PIXEL, Probe

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from breastseg.data.phantom.fields import Field

    GreyImage = NDArray[np.uint8]


@dataclass(frozen=True)
class Display:
    """The examiner's setting.

    Attributes:
        dynamic_range_db: Span of the echoes between black and white.
        white_db: Echo level that is white, in dB above glandular tissue after compensation.
        smoothing_px: Standard deviation of the scan conversion's interpolation.
        compensation_db: Gain of each row of the image in dB, `[H]`.
    """

    dynamic_range_db: float
    white_db: float
    smoothing_px: float
    compensation_db: Field


def draw_display(rng: Generator, height_px: int, probe: Probe) -> Display:
    """Draw a setting whose compensation fits mean tissue only roughly, as hand-set gains do."""
    depth_cm = np.arange(height_px, dtype=np.float32) * np.float32(probe.pixel_mm / 10)
    assumed = rng.uniform(0.5, 0.72)
    sliders = rng.uniform(0.5, 2) * smooth_curve(rng, 2 * height_px, 0.2 * height_px)[:height_px]
    compensation = 2 * probe.centre_mhz * assumed * depth_cm + sliders
    return Display(
        dynamic_range_db=rng.uniform(48, 65),
        white_db=rng.uniform(16, 26),
        smoothing_px=rng.uniform(0.4, 0.9),
        compensation_db=compensation,
    )


def grey_image(envelope: Field, display: Display) -> GreyImage:
    """Compress the envelope to grey levels.

    Args:
        envelope: float32 `[AXIAL_SAMPLES_A_PIXEL * H, W]`.
        display: The setting.

    Returns:
        uint8 `[H, W]`: black at the lower end of the dynamic range, white at its upper end.
    """
    echo_db = 20 * np.log10(np.maximum(envelope, 1e-6))
    pixels_db = echo_db.reshape(-1, AXIAL_SAMPLES_A_PIXEL, envelope.shape[1]).mean(axis=1)
    shown_db = gaussian_filter(pixels_db + display.compensation_db[:, None], display.smoothing_px)
    level = (shown_db - display.white_db) / display.dynamic_range_db + 1
    return np.asarray((255 * np.clip(level, 0, 1)).round(), np.uint8)
