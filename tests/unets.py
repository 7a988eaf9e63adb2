"""A valid section of a network, which each test changes to what it needs."""

from __future__ import annotations

from typing import Any

UNET: dict[str, Any] = {
    "encoder": "tu-lcnet_035",
    "encoder_weights": None,
    "encoder_weights_sha256": None,
    "encoder_learning_rate": 1e-3,
    "encoder_frozen_layers": 0,
    "encoder_frozen_epochs": "all",
    "encoder_layer_decay": 1.0,
    "decoder_channels": (16, 8, 8, 8, 8),
    "decoder_norm": "batch",
    "drop_path_rate": 0.0,
}
