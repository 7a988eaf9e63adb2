"""Random fields: the irregular part of every anatomical structure of the phantom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Field = NDArray[np.floating]


def smooth_field(rng: Generator, shape: tuple[int, int], scale_px: tuple[float, float]) -> Field:
    """Draw a Gaussian random field with a Gaussian correlation function, periodic in both directions.

    White noise is shaped in the Fourier domain, where a convolution with a Gaussian is a product.

    Args:
        rng: Source of randomness.
        shape: Rows and columns.
        scale_px: Standard deviation of the smoothing kernel along rows and columns.

    Returns:
        float32 `[rows, columns]` with mean 0 and standard deviation 1.
    """
    transfer = np.outer(
        gaussian_transfer(np.fft.fftfreq(shape[0]), scale_px[0]),
        gaussian_transfer(np.fft.rfftfreq(shape[1]), scale_px[1]),
    ).astype(np.float32)
    noise = rng.standard_normal((*transfer.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    field: Field = np.fft.irfft2(noise * transfer, shape).astype(np.float32)
    field -= field.mean()
    return np.asarray(field / field.std())


def smooth_curve(rng: Generator, length: int, scale_px: float) -> Field:
    """Draw a smooth random curve, float32 `[length]` with mean 0 and standard deviation 1; see `smooth_field`."""
    return np.asarray(smooth_field(rng, (1, length), (1.0, scale_px))[0])


def gaussian_transfer(frequency: Field, scale_px: float | Field) -> Field:
    """Transfer function of a Gaussian kernel of standard deviation `scale_px` at frequencies in cycles a pixel."""
    return np.asarray(np.exp(-2 * np.square(np.pi * frequency * scale_px)))


def ridges(field: Field, width_px: float) -> Field:
    """Draw lines of even width along the zero crossings of a smooth field.

    The distance to the crossing is the field over its slope, to first order.

    Returns:
        float32 in 0..1, 1 on the crossings.
    """
    down, across = np.gradient(field)
    slope = np.hypot(down, across) + 1e-6
    return np.asarray(np.exp(-0.5 * (field / (slope * width_px)) ** 2))


def bend(field: Field, rise_px: Field) -> Field:
    """Shift each column of a field down by `rise_px` (`[columns]`), so that its structures follow a curve."""
    rows = np.arange(field.shape[0])[:, None] - np.rint(rise_px).astype(int)
    return np.take_along_axis(field, rows % field.shape[0], axis=0)
