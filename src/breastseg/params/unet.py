"""What the sections of both networks share: encoder, its weights and how they are trained, decoder."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PositiveInt, field_validator, model_validator

from breastseg.errors import Problem, ProblemsError
from breastseg.params.base import Section

if TYPE_CHECKING:
    from breastseg.params.train import Train

HUB = "imagenet"
LOCAL = PurePosixPath("models/pretrained")

Norm = Literal["batch", "group", "instance"]


def _count_or_all(least: int) -> BeforeValidator:
    """One message where pydantic would have one for each type of the union."""

    def check(value: object) -> object:
        if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= least):
            return value
        raise ValueError(f"it is all, or a whole number from {least} on")

    return BeforeValidator(check)


class Unet(Section):
    """Knobs that both networks have.

    Attributes:
        encoder: An encoder of segmentation-models-pytorch, or `tu-<name>` (or plain `<name>`) of timm.
        encoder_weights: `null` starts from scratch, `imagenet` asks the hub, a path below `models/pretrained/` takes
            a local safetensors file.
        encoder_weights_sha256: SHA-256 of that file, required with a path, else `null`.
        encoder_learning_rate: Peak learning rate of the encoder; what suits depends on the encoder and on where its
            weights come from.
        encoder_frozen_layers: How many layers of the encoder are frozen, from the image on, or `all`. The first is the
            stem (the patch embedding of a transformer), the others are the stages of a CNN or of a hierarchical
            transformer, or the blocks of a plain one.
        encoder_frozen_epochs: For how many epochs, from the first on, after which they are trained as the others
            (Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features"), or `all`.
        encoder_layer_decay: Factor of the learning rate from a layer of the encoder to the one before it: the last
            layer has `encoder_learning_rate`, the one k layers nearer to the image `encoder_layer_decay ** k` times it
            (Clark et al. 2020, "ELECTRA"; Bao et al. 2022, "BEiT"). 1 gives all the same.
        decoder_channels: Width of the five decoder stages, deepest first.
        decoder_norm: Normalisation layers of the decoder and of what joins a transformer to it: `batch` has statistics
            of the batch, `group` and `instance` of each image by itself, whatever the size of the batch.
        drop_path_rate: Share of residual branches dropped in training (stochastic depth), where the encoder has them.
    """

    encoder: str = Field(min_length=1)
    encoder_weights: str | None
    encoder_weights_sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    encoder_learning_rate: float = Field(gt=0)
    encoder_frozen_layers: Annotated[int | Literal["all"], _count_or_all(0)]
    encoder_frozen_epochs: Annotated[int | Literal["all"], _count_or_all(1)]
    encoder_layer_decay: float = Field(gt=0, le=1)
    decoder_channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt, PositiveInt]
    decoder_norm: Norm
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

    @model_validator(mode="after")
    def _frozen_epochs_have_frozen_layers(self) -> Self:
        if self.encoder_frozen_epochs != "all" and self.encoder_frozen_layers == 0:
            raise ValueError("encoder_frozen_epochs is all where encoder_frozen_layers is 0: nothing is frozen")
        return self

    @property
    def needs_encoder_layers(self) -> bool:
        """Whether some layers of the encoder are trained differently from others."""
        return self.encoder_frozen_layers not in {0, "all"} or self.encoder_layer_decay < 1

    @property
    def stays_frozen(self) -> bool:
        """Whether no weight of the encoder is ever trained."""
        return self.encoder_frozen_layers == self.encoder_frozen_epochs == "all"

    @property
    def trains_batch_norm(self) -> bool:
        """Whether batch normalisation is trained at the deepest stride, as far as the params tell."""
        return self.decoder_norm == "batch"


def check_batch(name: str, unet: Unet, train: Train) -> None:
    """Refuse batches that leave batch normalisation one value per channel.

    Args:
        name: The network, which is its section too.
        unet: The network's section.
        train: The shared protocol.

    Raises:
        ProblemsError: They do, and the network trains batch normalisation.
    """
    if not (train.has_one_value and unet.trains_batch_norm):
        return
    what = f"is {train.batch_size}, which at image_size {train.image_size} leaves batch normalisation one value"
    fix = f"Set it to at least {2 * train.processes}, or train.image_size to at least {2 * train.image_size}"
    problem = Problem("train.batch_size", f"{what} per channel, on which {name} cannot be trained", fix)
    raise ProblemsError("Too small a batch", [problem])
