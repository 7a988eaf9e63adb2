"""Layers of an encoder: the stem first, then stages or blocks, each weight in one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from breastseg.errors import ProblemsError
from breastseg.models import cnn_unet, vit_unet
from breastseg.models.encoder_layers import find_layers
from breastseg.params.encoder_names import EncoderName

if TYPE_CHECKING:
    from breastseg.models.network import SegmentationNetwork
    from breastseg.params.cnn_unet import CnnUnet
    from breastseg.params.unet import Unet
    from breastseg.params.vit_unet import VitUnet

# encoder, layers, and how the name of each weight of the second layer starts
PLAIN = ("test_vit", 7, "vit.model.blocks.0.")
CNNS = [
    ("tf_efficientnet_lite0", 8, "model.blocks.0."),
    ("regnety_004", 5, "model.s1."),
    ("test_convnext", 5, "model.stages_0."),
    ("resnet10t", 5, "model.layer1."),
]
PYRAMIDS = [("pvt_v2_b0", 5, "model.stages_0."), ("swin_tiny_patch4_window7_224", 5, "model.layers_0.")]


@pytest.fixture
def built(
    cnn_params: CnnUnet, vit_params: VitUnet, request: pytest.FixtureRequest
) -> tuple[nn.Module, list[list[str]]]:
    """An encoder, and the names of its weights by layer."""
    changes = {"encoder": request.param, "encoder_layer_decay": 0.5}
    if any(request.param == cnn[0] for cnn in CNNS):
        network = cnn_unet.build(cnn_params.model_copy(update=changes), channels=1, image_size=64)
    else:
        network = vit_unet.build(vit_params.model_copy(update=changes), channels=1, image_size=64)
    return network.encoder, layer_names(network)


def layer_names(network: SegmentationNetwork) -> list[list[str]]:
    names = {id(parameter): name for name, parameter in network.encoder.named_parameters()}
    return [[names[id(parameter)] for parameter in layer] for layer in network.encoder_layers()]


@pytest.mark.parametrize(("built", "layers", "second"), [PLAIN, *CNNS, *PYRAMIDS], ids=str, indirect=["built"])
def test_stem_and_stages_or_blocks_hold_each_weight_once(
    built: tuple[nn.Module, list[list[str]]], layers: int, second: str
) -> None:
    encoder, found = built
    assert len(found) == layers
    named = [name for layer in found for name in layer]
    assert len(named) == len(set(named))
    assert set(named) == {name for name, _ in encoder.named_parameters()}
    assert all(name.startswith(second) for name in found[1])
    assert not [name for layer in (found[0], *found[2:]) for name in layer if name.startswith(second)]


@pytest.mark.parametrize("built", ["test_vit"], indirect=True)
def test_tokens_and_positions_are_of_the_patch_embedding(built: tuple[nn.Module, list[list[str]]]) -> None:
    stem = {name.removeprefix("vit.model.").partition(".")[0] for name in built[1][0]}
    assert {"patch_embed", "pos_embed", "cls_token"} <= stem


def test_layers_that_nobody_asks_for_are_not_looked_up(cnn_params: CnnUnet) -> None:
    """An encoder of smp has none that are known, and can be frozen as a whole."""
    params = cnn_params.model_copy(update={"encoder": "resnet18", "encoder_frozen_layers": "all"})
    (layer,) = cnn_unet.build(params, channels=1, image_size=64).encoder_layers()
    assert layer


def test_initial_weights_do_not_depend_on_how_the_encoder_is_trained(cnn_params: CnnUnet) -> None:
    weights = []
    for changes in ({}, {"encoder_frozen_layers": 2, "encoder_layer_decay": 0.5}):
        torch.manual_seed(0)
        network = cnn_unet.build(cnn_params.model_copy(update=changes), channels=1, image_size=64)
        weights.append((network.state_dict(), torch.rand(1)))
    (one, drawn), (other, drawn_too) = weights
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(drawn, drawn_too)


def test_more_layers_than_there_are_are_refused_with_their_number(vit_params: VitUnet) -> None:
    params = vit_params.model_copy(update={"encoder": "test_vit", "encoder_frozen_layers": 8})
    with pytest.raises(
        ProblemsError, match=r"test_vit: has 7 layers.*encoder_frozen_layers is 8.*7 or less, or to all"
    ):
        vit_unet.build(params, channels=1, image_size=64)
    vit_unet.build(params.model_copy(update={"encoder_frozen_layers": 7}), channels=1, image_size=64)


@pytest.mark.parametrize("name", ["poolformer_s12", "test_resnet"])
def test_an_encoder_of_unknown_layers_is_refused(cnn_params: CnnUnet, name: str) -> None:
    """timm groups no layers of the former; the weights are not those of the latter."""
    params: Unet = cnn_params.model_copy(update={"encoder_layer_decay": 0.5})
    with pytest.raises(ProblemsError, match=rf"{name}: has no layers.*encoder_layer_decay to 1\.0"):
        find_layers(EncoderName(name, "timm", "cnn"), nn.Linear(1, 1), params)
