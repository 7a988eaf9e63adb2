"""The loss counts valid pixels only, per image; pixels are learned from images with a lesion."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit

from breastseg.training.loss import SMOOTHING_SHARE, lesion_dice, presence_loss, segmentation_loss
from breastseg.training.tensors import BACKGROUND, IGNORED, LESION, PADDING

SHAPE = (3, 1, 8, 8)
LOGITS = hnp.arrays(np.float32, SHAPE, elements=st.floats(-8, 8, width=32))
TARGETS = hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([BACKGROUND, LESION, IGNORED, PADDING]))


@given(LOGITS, TARGETS, st.sampled_from([0.0, 1.0, 2.5]))
def test_equals_its_definition(logits: np.ndarray, targets: np.ndarray, weight: float) -> None:
    expected = []
    for image, target in zip(logits.astype(np.float64), targets, strict=True):
        judged = target <= LESION
        p, t = expit(image[judged]), target[judged]
        smoothing = SMOOTHING_SHARE * max(1, judged.sum())
        dice = (2 * (p * t).sum() + smoothing) / (p.sum() + t.sum() + smoothing)
        entropy = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean() if judged.any() else 0
        expected.append((entropy + weight * (1 - dice)) * t.any())
    found = segmentation_loss(torch.from_numpy(logits), torch.from_numpy(targets), weight)
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-4, abs=1e-5)


@given(LOGITS, TARGETS, st.integers(0, 2**16))
def test_pixels_that_are_not_judged_have_no_influence(logits: np.ndarray, targets: np.ndarray, seed: int) -> None:
    ignored = torch.from_numpy(targets) > LESION
    one = torch.from_numpy(logits).requires_grad_()
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
    other = torch.where(ignored, noise, one.detach()).requires_grad_()
    losses = [segmentation_loss(x, torch.from_numpy(targets), 1.0) for x in (one, other)]
    gradients = [torch.autograd.grad(loss, x)[0] for loss, x in zip(losses, (one, other), strict=True)]
    assert torch.equal(losses[0], losses[1])
    assert torch.equal(gradients[0], gradients[1])
    assert not gradients[0][ignored].any()
    scores = [lesion_dice(x, torch.from_numpy(targets)) for x in (one, other)]
    assert torch.equal(scores[0], scores[1])


def test_pixels_are_learned_from_images_with_a_lesion_only() -> None:
    targets = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    targets[1, 0, 2:4, 2:4] = LESION
    logits = torch.zeros(2, 1, 8, 8, requires_grad=True)
    (slope,) = torch.autograd.grad(segmentation_loss(logits, targets, 1.0), logits)
    assert not slope[0].any()
    assert slope[1].all()


def test_every_image_has_the_same_weight_however_much_of_it_is_padding() -> None:
    logits = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    targets = torch.zeros(2, 1, 16, 16, dtype=torch.uint8)
    targets[:, :, 1:3, 2:9] = LESION
    targets[1, :, 4:] = PADDING
    alone = [segmentation_loss(logits[i : i + 1], targets[i : i + 1], 1.0) for i in range(2)]
    assert float(segmentation_loss(logits, targets, 1.0)) == pytest.approx(float(sum(alone)) / 2, rel=1e-6)


def test_dice_leaves_normals_out_and_counts_a_miss_as_zero() -> None:
    targets = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    targets[1, :, :2] = targets[2, :, :2] = LESION
    logits = torch.full((3, 1, 4, 4), -1.0)
    logits[1, :, 1:3] = 1.0
    assert lesion_dice(logits, targets).tolist() == [0.5, 0.0]


def test_presence_is_that_of_any_lesion_pixel() -> None:
    targets = torch.full((3, 1, 4, 4), BACKGROUND, dtype=torch.uint8)
    targets[1, 0, 2, 3] = LESION
    targets[2, 0, 1, 1] = IGNORED
    right, wrong = torch.tensor([[-20.0], [20.0], [-20.0]]), torch.tensor([[20.0], [-20.0], [20.0]])
    assert float(presence_loss(right, targets, torch.ones(3))) < 1e-6
    assert float(presence_loss(wrong, targets, torch.ones(3))) == pytest.approx(20)
    assert float(presence_loss(wrong, targets, torch.tensor([0.0, 3.0, 0.0]))) == pytest.approx(20)
    mixed = torch.cat([right[:2], wrong[2:]])
    assert float(presence_loss(mixed, targets, torch.tensor([1.5, 1.5, 0.0]))) < 1e-6
