"""Augmentation: images and targets move together, amounts stay within the params, seeds decide everything."""

from __future__ import annotations

import pytest
import torch

from breastseg.params.base import load
from breastseg.params.train import Augment, Train
from breastseg.training.augment import Augmenter
from breastseg.training.tensors import LESION, PADDING
from tests.training import trainee

DEFAULT = load("train", Train, trainee.PARAMS).augment
GEOMETRY = {
    "flip_probability": 0.5,
    "rotate_degrees": 30.0,
    "scale_share": 0.2,
    "shift_share": 0.2,
    "shear_degrees": 10.0,
    "elastic_share": 0.05,
}


def augmenter(**params: float) -> Augmenter:
    return Augmenter(Augment.model_validate(trainee.UNCHANGED | params), torch.Generator().manual_seed(0))


def batch(n: int = 8, size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Bright lesions on mid grey in a landscape image, with padding above and below."""
    targets = torch.zeros(n, 1, size, size, dtype=torch.uint8)
    targets[..., 20:36, 12:34] = LESION
    images = torch.where(targets == LESION, 250, 100).to(torch.uint8)
    targets[..., :8, :] = targets[..., -8:, :] = PADDING
    images[targets == PADDING] = 0
    return images, targets


def test_no_change_asked_for_changes_nothing() -> None:
    images, targets = batch()
    images = torch.where(targets == PADDING, 0, torch.randint(0, 256, images.shape)).to(torch.uint8)
    changed_images, changed_targets = augmenter()(images, targets)
    assert torch.equal(changed_targets, targets)
    torch.testing.assert_close(changed_images, images.float(), atol=0.02, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_types_and_ranges_hold(channels: int) -> None:
    images, targets = batch()
    images, targets = Augmenter(DEFAULT, torch.Generator())(images.repeat(1, channels, 1, 1), targets)
    assert (images.shape, images.dtype) == ((8, channels, 64, 64), torch.float32)
    assert (targets.shape, targets.dtype) == ((8, 1, 64, 64), torch.uint8)
    assert 0 <= float(images.min()) <= float(images.max()) <= 255
    assert set(targets.flatten().tolist()) <= {0, LESION, PADDING}


@pytest.mark.parametrize("name", GEOMETRY)
def test_image_and_target_move_together(name: str) -> None:
    """Wherever the moved target says lesion, the moved image is bright; and it did move."""
    images, targets = batch()
    moved_images, moved = augmenter(**{name: GEOMETRY[name]})(images, targets)
    assert not torch.equal(moved, targets)
    bright = moved_images > 175  # half way between lesion and background
    judged = moved != PADDING
    assert float((bright == (moved == LESION))[judged].float().mean()) > 0.98


def test_mirror_images_are_exact() -> None:
    images, targets = batch()
    mirrored_images, mirrored = augmenter(flip_probability=1.0)(images, targets)
    assert torch.equal(mirrored, targets.flip(-1))
    torch.testing.assert_close(mirrored_images, images.flip(-1).float(), atol=0.02, rtol=0)


def test_a_shift_is_at_most_its_share() -> None:
    images, targets = batch(64)
    _, moved = augmenter(shift_share=0.125)(images, targets)
    first = torch.where(moved == LESION, torch.arange(64), 64).amin((1, 2, 3))
    assert 12 - 8 - 1 <= int(first.min()) < 8
    assert 16 < int(first.max()) <= 12 + 8 + 1


def test_a_rotation_turns_by_at_most_its_degrees() -> None:
    images = torch.zeros(64, 1, 65, 65, dtype=torch.uint8)
    targets = torch.zeros_like(images)
    targets[..., 32, 50] = LESION
    targets[..., 31:34, 49:52] = LESION
    _, moved = augmenter(rotate_degrees=20.0)(images, targets)
    rows, columns = torch.meshgrid(torch.arange(65.0) - 32, torch.arange(65.0) - 32, indexing="ij")
    weight = (moved == LESION).float()[:, 0]
    angles = torch.rad2deg(torch.atan2((weight * rows).sum((1, 2)), (weight * columns).sum((1, 2))))
    radius = torch.hypot((weight * rows).sum((1, 2)), (weight * columns).sum((1, 2))) / weight.sum((1, 2))
    assert 15 < float(angles.abs().max()) < 22
    assert float((radius - 18).abs().max()) < 0.7


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("gamma", 1.5),
        ("brightness_share", 0.2),
        ("contrast_share", 0.3),
        ("gain_share", 0.4),
        ("speckle_share", 0.2),
        ("blur_px", 2.0),
    ],
)
def test_grey_values_change_alone_and_padding_stays_black(name: str, amount: float) -> None:
    images, targets = batch()
    changed_images, changed = augmenter(**{name: amount})(images, targets)
    assert torch.equal(changed, targets)
    assert float((changed_images - images).abs().max()) > 2
    assert int(changed_images[targets == PADDING].max()) == 0


def test_what_comes_from_outside_is_padding() -> None:
    images, targets = batch()
    moved_images, moved = augmenter(scale_share=0.5, shift_share=0.4)(images, targets)
    assert int((moved == PADDING).sum()) > int((targets == PADDING).sum())
    assert int(moved_images[moved == PADDING].max()) == 0


def test_the_generator_decides_everything() -> None:
    first, again, other = (Augmenter(DEFAULT, torch.Generator().manual_seed(s))(*batch()) for s in (0, 0, 1))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    Augmenter(DEFAULT, torch.Generator())(*batch())
    assert torch.equal(before, torch.get_rng_state())


def test_images_of_a_batch_change_differently() -> None:
    images, _ = Augmenter(DEFAULT, torch.Generator())(*batch(4))
    assert len({image.numpy().tobytes() for image in images}) == 4
