"""What the sections of both networks share: encoder, its weights, width of the decoder."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from breastseg.params.base import Section


class Unet(Section):
    """Knobs that both networks have.

    Attributes:
        encoder: An encoder of segmentation-models-pytorch, or `tu-<name>` of timm.
        encoder_weights: `null` starts from scratch, `imagenet` asks the hub, a path below `models/pretrained/` takes
            a local safetensors file.
        encoder_weights_sha256: SHA-256 of that file, required with a path, else `null`.
        decoder_channels: Width of the five decoder stages, deepest first.
        drop_path_rate: Share of residual branches dropped in training (stochastic depth), where the encoder has them.
    """

    encoder: str = Field(min_length=1)
    encoder_weights: str | None
    encoder_weights_sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    decoder_channels: tuple[int, int, int, int, int]
    drop_path_rate: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _local_weights_have_a_hash(self) -> Self:
        is_path = self.encoder_weights not in (None, "imagenet")
        if is_path != (self.encoder_weights_sha256 is not None):
            raise ValueError("encoder_weights_sha256 goes with a path in encoder_weights, and only with a path")
        return self
