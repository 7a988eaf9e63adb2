from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from pydantic import ValidationError

from breastseg.errors import ProblemsError
from breastseg.params.base import load
from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.train import Train
from breastseg.params.unet import Unet, check_batch
from breastseg.params.vit_unet import VitUnet
from tests.unets import UNET

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"
SHA256 = "0" * 64

VALID = UNET | {"encoder": "tu-resnet18", "decoder_channels": (128, 64, 32, 16, 16)}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"encoder_weights": "imagenet"},
        {"encoder_frozen_layers": 3, "encoder_frozen_epochs": 5},
        {"encoder_frozen_layers": "all", "encoder_layer_decay": 0.75, "decoder_norm": "group"},
        {"encoder_weights": "models/pretrained/deep/x.safetensors", "encoder_weights_sha256": SHA256},
    ],
)
def test_takes_what_can_be(change: dict[str, object]) -> None:
    Unet.model_validate(VALID | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_weights": "models/pretrained/x.safetensors"}, "goes with a path"),
        ({"encoder_weights": "imagenet", "encoder_weights_sha256": SHA256}, "goes with a path"),
        ({"encoder_weights": "imagnet", "encoder_weights_sha256": SHA256}, "below models/pretrained/"),
        ({"encoder_weights": "/data/x.safetensors", "encoder_weights_sha256": SHA256}, "below models/pretrained/"),
        ({"encoder_weights": "models/pretrained/../x.safetensors", "encoder_weights_sha256": SHA256}, "below"),
        ({"encoder_weights": "models/pretrained/x.pth", "encoder_weights_sha256": SHA256}, "safetensors"),
        ({"encoder_learning_rate": 0.0}, "greater than 0"),
        ({"encoder_frozen_layers": -1}, "it is all, or a whole number from 0 on"),
        ({"encoder_frozen_layers": True}, "it is all, or a whole number from 0 on"),
        ({"encoder_frozen_layers": 1.5}, "it is all, or a whole number from 0 on"),
        ({"encoder_frozen_layers": "al"}, "it is all, or a whole number from 0 on"),
        ({"encoder_frozen_layers": 1, "encoder_frozen_epochs": 0}, "it is all, or a whole number from 1 on"),
        ({"encoder_frozen_epochs": 5}, "encoder_frozen_epochs is all where encoder_frozen_layers is 0"),
        ({"encoder_layer_decay": 0.0}, "greater than 0"),
        ({"encoder_layer_decay": 1.1}, "less than or equal to 1"),
        ({"decoder_norm": "layer"}, "'batch', 'group' or 'instance'"),
        ({"decoder_channels": (128, 64, 32, 16, 0)}, "greater than 0"),
        ({"decoder_channels": (128, 64, 32, 16)}, "Field required"),
    ],
)
def test_refuses_what_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Unet.model_validate(VALID | change)


FROZEN = {"encoder_frozen_layers": "all"}


@pytest.mark.parametrize(
    ("type_", "change", "trains"),
    [
        (CnnUnet, {}, True),
        (CnnUnet, {"decoder_norm": "group"}, True),
        (CnnUnet, {"decoder_norm": "group"} | FROZEN | {"encoder_frozen_epochs": 3}, True),
        (CnnUnet, FROZEN, True),
        (CnnUnet, {"decoder_norm": "group"} | FROZEN, False),
        (VitUnet, {}, True),
        (VitUnet, {"decoder_norm": "group"}, False),
    ],
)
def test_one_value_per_channel_is_refused_where_batch_normalisation_is_trained(
    type_: type[Unet], change: dict[str, object], *, trains: bool
) -> None:
    unet = type_.model_validate(VALID | change)
    small = {"image_size": 32, "batch_size": 1}
    train = load("train", Train, PARAMS).model_copy(update=small)
    message = r"train\.batch_size: is 1, which at image_size 32 leaves batch normalisation one value"
    with pytest.raises(ProblemsError, match=message) if trains else nullcontext():
        check_batch("net", unet, train)


@pytest.mark.parametrize(("devices", "batch_size"), [(1, 1), (2, 2)])
def test_one_value_per_channel_is_refused_with_the_sizes_that_are_not(devices: int, batch_size: int) -> None:
    unet = CnnUnet.model_validate(VALID)
    small = {"image_size": 32, "devices": devices, "batch_size": batch_size}
    train = load("train", Train, PARAMS).model_copy(update=small)
    with pytest.raises(ProblemsError, match=rf"Set it to at least {2 * devices}, or train.image_size to at least 64"):
        check_batch("cnn_unet", unet, train)
    for fixed in ({"image_size": 64}, {"batch_size": 2 * batch_size}):
        check_batch("cnn_unet", unet, train.model_copy(update=fixed))
