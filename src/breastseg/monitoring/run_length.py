"""Masks as run lengths: exact, small enough for a line of a log, and without a pixel of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]


def encode_runs(mask: Mask) -> list[int]:
    """Return the lengths of the runs of equal pixels, row by row, background first (perhaps 0).

    Args:
        mask: bool `[H, W]`, at least one pixel.
    """
    pixels = mask.ravel()
    starts = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    lengths: list[int] = np.diff(starts, prepend=0, append=pixels.size).tolist()
    return [0, *lengths] if pixels[0] else lengths


def decode_runs(runs: Sequence[int], shape: tuple[int, int]) -> Mask:
    """Return the mask, bool `[H, W]`, that `encode_runs` made these of.

    Raises:
        ValueError: They are not as many pixels as `shape` has.
    """
    mask = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    if mask.size != shape[0] * shape[1]:
        raise ValueError(f"the runs have {mask.size} pixels, not {shape[0]} x {shape[1]}")
    return mask.reshape(shape)
