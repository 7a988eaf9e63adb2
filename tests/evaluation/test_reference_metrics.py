"""Metrics have the values of MONAI, torchmetrics and surface-distance."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.panoptic_quality import compute_panoptic_quality
from monai.metrics.surface_dice import compute_surface_dice
from scipy import ndimage
from torchmetrics.functional.classification import binary_calibration_error, binary_jaccard_index
from torchmetrics.functional.segmentation import dice_score, hausdorff_distance

from breastseg.evaluation.estimators import calibration_error
from breastseg.evaluation.lesion_level import component_iou, count_hits
from breastseg.evaluation.metrics import score
from breastseg.evaluation.surface import hausdorff, surface_dice

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Mask

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the package asks scipy for names of old
    import surface_distance

# the libraries take seconds to import
pytestmark = pytest.mark.integration
# MONAI calls itself by a deprecated argument
monai = pytest.mark.filterwarnings("ignore:.*always_return_as_numpy.*:FutureWarning")

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


def blobs(seed: int) -> Mask:
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(32, 32)), 1.5) > 0.15


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_dice_and_iou_are_torchmetrics(seed: int, density: float) -> None:
    truth, predicted = np.random.default_rng(seed).random((2, 12, 15)) < density
    truth[0, 0] = predicted[-1, -1] = True
    scores = score(truth, predicted)
    found, expected = (torch.from_numpy(mask[None, None]).int() for mask in (predicted, truth))
    dice = dice_score(found, expected, num_classes=1, include_background=True, input_format="one-hot")
    assert scores.dice == pytest.approx(dice.item(), abs=1e-6)
    iou = binary_jaccard_index(found, expected)
    assert scores.iou == pytest.approx(iou.item(), abs=1e-6)


@given(mask_pairs())
def test_surface_dice_is_that_of_its_authors(masks: tuple[Mask, Mask]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        distances = surface_distance.compute_surface_distances(*masks, spacing_mm=(1, 1))
    expected = [surface_distance.compute_surface_dice_at_tolerance(distances, t) for t in TOLERANCES_PX]
    assert surface_dice(*masks, TOLERANCES_PX) == pytest.approx(expected, abs=1e-9)


@monai
@given(mask_pairs())
def test_surface_dice_is_monais_with_subvoxels(masks: tuple[Mask, Mask]) -> None:
    truth, predicted = map(tensor, masks)
    expected = [
        compute_surface_dice(predicted, truth, [t], include_background=True, use_subvoxels=True).item()
        for t in TOLERANCES_PX
    ]
    assert surface_dice(*masks, TOLERANCES_PX) == pytest.approx(expected, abs=1e-5)


@monai
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


@given(st.integers(0, 2**32 - 2))
def test_hits_at_half_are_monais(seed: int) -> None:
    truth, predicted = blobs(seed), ndimage.shift(blobs(seed).astype(float), (1, 1), order=0) > 0
    iou = component_iou(truth, predicted)
    found, expected = (torch.from_numpy(ndimage.label(mask, np.ones((3, 3)))[0]) for mask in (predicted, truth))
    counts = compute_panoptic_quality(found, expected, match_iou_threshold=0.5, output_confusion_matrix=True)
    assert count_hits(iou, np.nextafter(0.5, 1)) == counts[0]  # MONAI asks for more than a half


@given(st.integers(0, 2**32 - 1))
def test_the_calibration_error_is_torchmetrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.random((4, 50))
    truth = rng.random((4, 50)) < probability**2
    index = (probability * 15).astype(int)
    bins = np.array(
        [
            [[(i == b).sum(), p[i == b].sum(), t[i == b].sum()] for b in range(15)]
            for i, p, t in zip(index, probability, truth, strict=True)
        ]
    )
    expected = binary_calibration_error(torch.from_numpy(probability), torch.from_numpy(truth).int(), 15, "l1")
    assert calibration_error(bins)(np.ones((1, 4)))[0, 0] == pytest.approx(expected.item(), abs=1e-6)
