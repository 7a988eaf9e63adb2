from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.surface_dice import compute_surface_dice
from torchmetrics.functional.segmentation import hausdorff_distance

from breastseg.evaluation.surface import boundary_pixels, hausdorff, surface_dice, surface_elements

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Mask

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the package asks scipy for names of old
    import surface_distance

# MONAI calls itself by a deprecated argument
pytestmark = pytest.mark.filterwarnings("ignore:.*always_return_as_numpy.*:FutureWarning")

TOLERANCES_PX = (1, 2, 4)


@st.composite
def mask_pairs(draw: st.DrawFn, *, square: bool = False) -> tuple[Mask, Mask]:
    """Two masks of one shape, neither empty: noise of any density, with holes and touched borders."""
    height = draw(st.integers(2, 24))
    shape = (height, height if square else draw(st.integers(2, 24)))
    density = draw(st.floats(0.02, 0.98))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    first, second = rng.random((2, *shape)) < density
    first[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))] = True
    second[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))] = True
    return first, second


def tensor(mask: Mask) -> torch.Tensor:
    return torch.from_numpy(mask[None, None])


@given(mask_pairs())
def test_surface_dice_is_that_of_its_authors(masks: tuple[Mask, Mask]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        distances = surface_distance.compute_surface_distances(*masks, spacing_mm=(1, 1))
    expected = [surface_distance.compute_surface_dice_at_tolerance(distances, t) for t in TOLERANCES_PX]
    assert surface_dice(*masks, TOLERANCES_PX) == pytest.approx(expected, abs=1e-9)


@given(mask_pairs())
def test_surface_dice_is_monais_with_subvoxels(masks: tuple[Mask, Mask]) -> None:
    truth, predicted = map(tensor, masks)
    expected = [
        compute_surface_dice(predicted, truth, [t], include_background=True, use_subvoxels=True).item()
        for t in TOLERANCES_PX
    ]
    assert surface_dice(*masks, TOLERANCES_PX) == pytest.approx(expected, abs=1e-5)


@given(mask_pairs(), st.sampled_from([50, 95, 100]))
def test_hausdorff_percentiles_are_monais(masks: tuple[Mask, Mask], percentile: int) -> None:
    truth, predicted = map(tensor, masks)
    expected = compute_hausdorff_distance(predicted, truth, include_background=True, percentile=percentile).item()
    assert hausdorff(*masks, percentile) == pytest.approx(expected, abs=1e-4)


# torchmetrics 1.9 takes the height for the width: only of square images is its distance right
@given(mask_pairs(square=True))
@settings(max_examples=25)
def test_hausdorff_distance_is_torchmetrics(masks: tuple[Mask, Mask]) -> None:
    truth, predicted = map(tensor, masks)
    expected = hausdorff_distance(predicted, truth, num_classes=1, include_background=True, input_format="one-hot")
    assert hausdorff(*masks, 100) == pytest.approx(expected.item(), abs=1e-4)


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
