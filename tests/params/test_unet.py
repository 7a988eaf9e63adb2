from __future__ import annotations

import pytest
from pydantic import ValidationError

from breastseg.params.unet import Unet

SHA256 = "0" * 64

VALID: dict[str, object] = {
    "encoder": "tu-resnet18",
    "encoder_weights": None,
    "encoder_weights_sha256": None,
    "encoder_learning_rate": 1e-3,
    "encoder_frozen_layers": 0,
    "encoder_frozen_epochs": "all",
    "encoder_layer_decay": 1.0,
    "decoder_channels": (128, 64, 32, 16, 16),
    "drop_path_rate": 0.0,
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"encoder_weights": "imagenet"},
        {"encoder_frozen_layers": 3, "encoder_frozen_epochs": 5},
        {"encoder_frozen_layers": "all", "encoder_layer_decay": 0.75},
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
        ({"decoder_channels": (128, 64, 32, 16, 0)}, "greater than 0"),
        ({"decoder_channels": (128, 64, 32, 16)}, "Field required"),
    ],
)
def test_refuses_what_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Unet.model_validate(VALID | change)
