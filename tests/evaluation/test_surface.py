from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from breastseg.evaluation.surface import boundary_pixels, hausdorff, surface_dice, surface_elements

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Mask


@given(hnp.arrays(np.bool_, (7, 9)))
def test_outlines_ignore_the_empty_space_around(mask: Mask) -> None:
    padded = np.pad(mask, 3)
    assert (boundary_pixels(padded) - 3 == boundary_pixels(mask)).all()
    points, lengths = surface_elements(padded)
    assert (points - 3 == surface_elements(mask)[0]).all()
    assert lengths.sum() == pytest.approx(surface_elements(mask)[1].sum())


def test_a_square_has_the_outline_that_its_sides_say() -> None:
    square = np.zeros((10, 10), np.bool_)
    square[3:7, 3:7] = True
    assert len(boundary_pixels(square)) == 12  # 4 x 4 pixels less the inner 2 x 2
    points, lengths = surface_elements(square)
    assert len(points) == 16  # three straight elements a side and four cut corners
    assert lengths.sum() == pytest.approx(4 * 3 + 4 * np.sqrt(2) / 2)


def test_a_square_moved_by_three_pixels() -> None:
    square = np.zeros((20, 20), np.bool_)
    square[5:10, 5:10] = True
    moved = np.roll(square, 3, axis=1)
    assert hausdorff(square, moved, 100) == 3
    assert surface_dice(square, moved, [3]) == [1]
    assert surface_dice(square, moved, [0])[0] < surface_dice(square, moved, [2])[0] < 1


def test_one_pixel_each_is_as_far_as_pythagoras_says() -> None:
    truth, predicted = np.zeros((2, 9, 9), np.bool_)
    truth[1, 1] = predicted[4, 5] = True
    assert hausdorff(truth, predicted, 95) == 5
    assert surface_dice(truth, predicted, [2.9, 5]) == [0, 1]
