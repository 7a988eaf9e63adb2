"""The section `train`: the one protocol that both networks are trained under."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from breastseg.params.base import Section

_DEEPEST_STRIDE: Final = 32


class Augment(Section):
    """Random changes of the training images, each drawn for every image and epoch.

    Attributes:
        flip_probability: Chance of a left-right mirror image.
        rotate_degrees: Largest rotation either way.
        scale_share: Largest zoom in or out, as a share of the size.
        shift_share: Largest shift, as a share of the size.
        shear_degrees: Largest horizontal shear either way.
        elastic_share: Largest displacement of the smooth random field, as a share of the size; 0 switches it off.
        gamma: Largest exponent of the gamma change; 1 switches it off.
        brightness_share: Largest change of brightness, as a share of the value range.
        contrast_share: Largest change of contrast, as a share.
        gain_share: Largest change of brightness from the middle to a corner, as a share of the value, at any angle, as
            a scanner's gain over depth gives.
        speckle_share: Largest standard deviation of the multiplicative noise.
        blur_px: Largest standard deviation of the Gaussian blur.
    """

    flip_probability: float = Field(ge=0, le=1)
    rotate_degrees: float = Field(ge=0, le=180)
    scale_share: float = Field(ge=0, lt=1)
    shift_share: float = Field(ge=0, lt=1)
    shear_degrees: float = Field(ge=0, le=45)
    elastic_share: float = Field(ge=0, le=0.2)
    gamma: float = Field(ge=1, le=3)
    brightness_share: float = Field(ge=0, lt=1)
    contrast_share: float = Field(ge=0, lt=1)
    gain_share: float = Field(ge=0, lt=1)
    speckle_share: float = Field(ge=0, lt=1)
    blur_px: float = Field(ge=0, le=5)


class Train(Section):
    """The shared protocol: same data, augmentation, loss and budget for both networks.

    Attributes:
        image_size: Side of the square that images are letterboxed to, in pixels; a multiple of 32.
        channels: 1 trains on grey images, 3 on RGB.
        epochs: Passes over the training cases.
        batch_size: Images a step, of all processes together.
        set_weights: How often the cases of a data set are drawn, relative to those of sets that are not named, which
            have 1; an epoch has as many images as there are cases. Without any, each case is drawn once an epoch.
        precision: `auto` is bfloat16 where the machine computes in it, else float32.
        channels_last: Keep activations in channels-last order, faster for convolutions.
        accelerator: Lightning's name of the device kind.
        devices: Processes that train together on one machine, each on a device of its own or, on CPUs, with its share
            of the cores.
        nodes: Machines that train together.
        strategy: `ddp` is data-parallel: each process has its share of every batch, and gradients are averaged; `auto`
            is `ddp` for several processes, and one process alone else.
        decoder_learning_rate: Peak learning rate of all but the encoder, whose own stands in its network's section.
        weight_decay: AdamW's decoupled weight decay.
        warmup_share: Share of all steps with a linearly rising learning rate; a cosine brings it to zero after.
        gradient_clip_norm: Largest norm of the gradient.
        ema_decay: Decay a step of the exponential moving average of the weights; 0 switches it off.
        dice_weight: Weight of the soft Dice loss beside binary cross-entropy's 1.
        presence_weight: Weight of the question whether an image has any lesion.
        augment: Random changes of the training images.
    """

    image_size: int = Field(ge=32, le=2048, multiple_of=32)
    channels: Literal[1, 3]
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    set_weights: dict[str, Annotated[float, Field(gt=0, le=1000)]]
    precision: Literal["auto", "bfloat16", "float32"]
    channels_last: bool
    accelerator: Literal["auto", "cpu", "cuda", "mps"]
    devices: int = Field(ge=1)
    nodes: int = Field(ge=1)
    strategy: Literal["auto", "ddp"]
    decoder_learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    warmup_share: float = Field(ge=0, le=0.5)
    gradient_clip_norm: float = Field(gt=0)
    ema_decay: float = Field(ge=0, lt=1)
    dice_weight: float = Field(ge=0)
    presence_weight: float = Field(gt=0)
    augment: Augment

    @property
    def processes(self) -> int:
        """All processes that train together."""
        return self.devices * self.nodes

    @property
    def has_one_value(self) -> bool:
        """Whether the deepest feature, of stride 32, has one value per channel in a process's share of a batch."""
        return self.batch_size == self.processes and self.image_size == _DEEPEST_STRIDE

    @model_validator(mode="after")
    def _has_equal_shares(self) -> Self:
        """Shares of a batch have to be equal: the mean of their gradients is that of the batch only then."""
        if self.batch_size % self.processes:
            raise ValueError(f"batch_size {self.batch_size} is not a multiple of devices times nodes, {self.processes}")
        return self
