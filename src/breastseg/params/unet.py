"""What the sections of both networks share: encoder, its weights, width of the decoder."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from breastseg.params.base import Section

HUB = "imagenet"
LOCAL = PurePosixPath("models/pretrained")


class Unet(Section):
    """Knobs that both networks have.

    Attributes:
        encoder: An encoder of segmentation-models-pytorch, or `tu-<name>` (or plain `<name>`) of timm.
        encoder_weights: `null` starts from scratch, `imagenet` asks the hub, a path below `models/pretrained/` takes
            a local safetensors file.
        encoder_weights_sha256: SHA-256 of that file, required with a path, else `null`.
        encoder_learning_rate: Peak learning rate of the encoder; what suits depends on the encoder and on where its
            weights come from.
        decoder_channels: Width of the five decoder stages, deepest first.
        drop_path_rate: Share of residual branches dropped in training (stochastic depth), where the encoder has them.
    """

    encoder: str = Field(min_length=1)
    encoder_weights: str | None
    encoder_weights_sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    encoder_learning_rate: float = Field(gt=0)
    decoder_channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt, PositiveInt]
    drop_path_rate: float = Field(ge=0, lt=1)

    @field_validator("encoder_weights")
    @classmethod
    def _is_null_hub_or_local(cls, value: str | None) -> str | None:
        if value in (None, HUB):
            return value
        path = PurePosixPath(value)
        if LOCAL not in path.parents or ".." in path.parts or path.suffix != ".safetensors":
            raise ValueError(f"encoder_weights is null, {HUB}, or a .safetensors file below {LOCAL}/")
        return value

    @model_validator(mode="after")
    def _local_weights_have_a_hash(self) -> Self:
        is_path = self.encoder_weights not in (None, HUB)
        if is_path != (self.encoder_weights_sha256 is not None):
            raise ValueError("encoder_weights_sha256 goes with a path in encoder_weights, and only with a path")
        return self
