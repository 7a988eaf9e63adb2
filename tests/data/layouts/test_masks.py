"""Masks of any making mean the same lesion."""

from __future__ import annotations

import numpy as np
import pytest

from breastseg.data.layouts.masks import read_bright_mask
from tests.data.samples import box, nothing


@pytest.mark.parametrize("value", [1, 7, 128, 255])
def test_any_bright_value_marks_the_lesion(value: int) -> None:
    np.testing.assert_array_equal(read_bright_mask((box() * value).astype(np.uint8)).lesion, box())


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (200, 200, 0)])
def test_any_colour_marks_the_lesion(colour: tuple[int, int, int]) -> None:
    pixels = (box()[..., None] * np.array(colour)).astype(np.uint8)
    np.testing.assert_array_equal(read_bright_mask(pixels).lesion, box())


def test_black_is_no_lesion() -> None:
    layers = read_bright_mask(nothing().astype(np.uint8))
    assert not layers.lesion.any()
    assert layers.ignored is None


def test_noise_of_a_lossy_file_does_not_count() -> None:
    noisy = np.where(box(), 250, 3).astype(np.uint8)
    np.testing.assert_array_equal(read_bright_mask(noisy).lesion, box())
