"""Normalisation of neck and decoder: by batch, or of each image by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from breastseg.errors import ProblemsError
from breastseg.models import cnn_unet, vit_unet
from breastseg.models.norms import count_groups

if TYPE_CHECKING:
    from breastseg.models.network import SegmentationNetwork
    from breastseg.params.cnn_unet import CnnUnet
    from breastseg.params.unet import Norm
    from breastseg.params.vit_unet import VitUnet


def build_vit(params: VitUnet, norm: Norm, encoder: str, image_size: int = 64) -> SegmentationNetwork:
    torch.manual_seed(0)
    return vit_unet.build(params.model_copy(update={"decoder_norm": norm, "encoder": encoder}), 1, image_size)


def norms(module: nn.Module, type_: type[nn.Module]) -> int:
    return sum(isinstance(part, type_) for part in module.modules())


@pytest.mark.parametrize(("channels", "groups"), [(1, 1), (7, 1), (6, 3), (8, 4), (16, 8), (24, 8), (100, 5), (128, 8)])
def test_groups_are_eight_or_as_many_as_leave_two_channels_each(channels: int, groups: int) -> None:
    assert count_groups(channels) == groups


@pytest.mark.parametrize(("norm", "type_"), [("group", nn.GroupNorm), ("instance", nn.InstanceNorm2d)])
@pytest.mark.parametrize("encoder", ["test_vit", "pvt_v2_b0"])
def test_neck_and_decoder_have_one_kind_of_normalisation(
    vit_params: VitUnet, norm: Norm, type_: type[nn.Module], encoder: str
) -> None:
    before, after = (build_vit(vit_params, kind, encoder) for kind in ("batch", norm))
    for old, new in ((before.neck, after.neck), (before.decoder, after.decoder)):
        assert norms(new, nn.BatchNorm2d) == 0
        assert norms(new, type_) == norms(old, nn.BatchNorm2d) > 0
        assert norms(old, type_) == 0


def test_the_encoder_keeps_its_own(cnn_params: CnnUnet) -> None:
    network = cnn_unet.build(cnn_params.model_copy(update={"decoder_norm": "group"}), channels=1, image_size=64)
    assert norms(network.encoder, nn.BatchNorm2d) == norms(network, nn.BatchNorm2d) > 0


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_other_weights_start_the_same(vit_params: VitUnet, norm: Norm) -> None:
    before, after = (build_vit(vit_params, kind, "test_vit").state_dict() for kind in ("batch", norm))
    counted = ("running_mean", "running_var", "num_batches_tracked")
    assert after.keys() == {name for name in before if not name.endswith(counted)}
    assert all(torch.equal(before[name], value) for name, value in after.items())


@pytest.mark.parametrize(("norm", "alone"), [("batch", False), ("group", True), ("instance", True)])
def test_an_image_is_normalised_by_itself_in_training(vit_params: VitUnet, norm: Norm, *, alone: bool) -> None:
    network = build_vit(vit_params, norm, "test_vit").train()
    images = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8)
    together, single = network(images).pixels[:1], network(images[:1]).pixels
    assert torch.allclose(together, single, atol=1e-4) == alone


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_trains_in_bfloat16(cnn_params: CnnUnet, norm: Norm) -> None:
    network = cnn_unet.build(cnn_params.model_copy(update={"decoder_norm": norm}), channels=1, image_size=64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network(torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8))
    (found.pixels.square().mean() + found.presence.square().mean()).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())


def test_a_plain_transformer_has_one_value_per_channel_of_a_tiny_image(vit_params: VitUnet) -> None:
    with pytest.raises(
        ProblemsError, match=r"decoder_norm: is instance.*Set it to group, or train.image_size to at least 64"
    ):
        build_vit(vit_params, "instance", "test_vit", image_size=32)
    network = build_vit(vit_params, "group", "test_vit", image_size=32)
    assert network(torch.zeros(1, 1, 32, 32)).pixels.shape == (1, 1, 32, 32)
