"""Params of networks that tests change one knob of."""

from __future__ import annotations

import pytest

from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.vit_unet import VitUnet


@pytest.fixture
def cnn_params() -> CnnUnet:
    return CnnUnet(
        encoder="tu-resnet10t",
        encoder_weights=None,
        encoder_weights_sha256=None,
        encoder_learning_rate=1e-3,
        encoder_frozen_layers=0,
        encoder_frozen_epochs="all",
        encoder_layer_decay=1.0,
        decoder_channels=(16, 8, 8, 8, 8),
        decoder_norm="batch",
        drop_path_rate=0.0,
    )


@pytest.fixture
def vit_params(cnn_params: CnnUnet) -> VitUnet:
    return VitUnet(**cnn_params.model_dump() | {"encoder": "tu-pvt_v2_b0"})
