"""Which network is exported; nothing but the export reads it, so that changing it retrains nothing."""

from __future__ import annotations

from typing import Literal

NetworkName = Literal["cnn_unet", "vit_unet"]
