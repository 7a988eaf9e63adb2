"""Which network is exported; nothing but the export reads it, so that changing it retrains nothing."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, RootModel


class Model(RootModel[Literal["cnn_unet", "vit_unet"]]):
    """The name of a network, in `root`."""

    model_config = ConfigDict(frozen=True, strict=True)
