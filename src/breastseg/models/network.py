"""The one shape that both networks have, so that training, evaluation and export need not know which one they hold."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import torch
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.base.initialization import initialize_decoder, initialize_head
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import nn

from breastseg.models.norms import use_norm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from breastseg.models.encoder_layers import Layers
    from breastseg.params.unet import Norm

# Share of lesion pixels that the untrained network predicts; starting at one half would spend the first steps on
# unlearning it (Lin et al. 2017, "Focal Loss for Dense Object Detection", section 4.1).
PRIOR = 0.07
# Of the largest logit of a pixel at the start: from 0, a short training does not get as far.
_PEAK_WEIGHT = 0.5
# Of a logit; smaller than any that a pixel has.
_MOST = 30.0


class Normalisation(nn.Module):
    """Grey values in 0..255 to the range that the encoder expects; part of the network, so that it lands in the graph.

    Args:
        mean: Mean of each channel, in 0..1.
        std: Standard deviation of each channel, in 0..1.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, images_nchw: Tensor) -> Tensor:
        """Bring uint8 or float images `[N, C, H, W]` in 0..255 to float32 of mean about 0 and deviation about 1."""
        return (images_nchw.float() - self.mean) / self.std


class Prediction(NamedTuple):
    """The output of a network for N images.

    Attributes:
        pixels: Logit of a lesion for each pixel, given that the image shows one: float32 `[N, 1, S, S]`.
        presence: Logit of any lesion in the image: float32 `[N, 1]`.
        embedding: The deepest feature averaged over the image, float32 `[N, D]`.
    """

    pixels: Tensor
    presence: Tensor
    embedding: Tensor


class Predictor(nn.Module, ABC):
    """A network that can be evaluated and exported."""

    @abstractmethod
    def forward(self, images_nchw: Tensor) -> Prediction:
        """Predict from uint8 or float images `[N, C, S, S]` in 0..255."""


class PresenceHead(nn.Module):
    """Predicts whether an image shows any lesion: one logit per image.

    This depends on the whole image, so it is predicted from the deepest feature; how sure the most lesion-like pixel is
    adds to that what a small area shows. Its loss does not reach the pixels' logits.

    Args:
        channels: Channels of the deepest feature.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(channels))
        self.linear = nn.Linear(channels, 1)
        self.peak_weight = nn.Parameter(torch.tensor(_PEAK_WEIGHT))

    def forward(self, feature_nchw: Tensor, pixels_nchw: Tensor, inside_nchw: Tensor) -> Tensor:
        """Predict from the deepest feature and the pixels' logits.

        Args:
            feature_nchw: float `[N, C, H, W]`.
            pixels_nchw: float `[N, 1, S, S]`.
            inside_nchw: bool `[N, 1, S, S]`, false on padding, whose logits are not trained.

        Returns:
            Logits, float `[N, 1]`.
        """
        pixels = pixels_nchw.detach().masked_fill(~inside_nchw, -_MOST)
        logit: Tensor = self.linear(self.pool(feature_nchw)) + self.peak_weight * pixels.amax(dim=(-2, -1))
        return logit


class SegmentationNetwork(Predictor):
    """Normalisation, encoder, neck, U-Net decoder and two heads, one for pixels and one for the image.

    Args:
        normalisation: Maps 0..255 to the encoder's range.
        encoder: Maps a float image to a list of features.
        encoder_layers: Names of the encoder's parameters by layer, the one nearest to the image first.
        neck: Maps the float image and the encoder's features to features at strides 1, 2, 4, 8, 16 and 32.
        neck_channels: Channels of these six.
        decoder_channels: Width of the five decoder stages, deepest first.
        decoder_norm: Normalisation layers of neck and decoder.
    """

    def __init__(  # noqa: PLR0913 - the parts of a network, each by its name
        self,
        *,
        normalisation: Normalisation,
        encoder: nn.Module,
        encoder_layers: Layers,
        neck: nn.Module,
        neck_channels: Sequence[int],
        decoder_channels: Sequence[int],
        decoder_norm: Norm,
    ) -> None:
        super().__init__()
        self.normalisation = normalisation
        self.encoder = encoder
        self._encoder_layers = encoder_layers
        self.neck = neck
        self.decoder = UnetDecoder(neck_channels, decoder_channels, n_blocks=len(decoder_channels))
        self.head = SegmentationHead(decoder_channels[-1], out_channels=1)
        self.presence_head = PresenceHead(neck_channels[-1])
        initialize_decoder(self.decoder)
        initialize_head(self.head)
        for part in (self.neck, self.decoder):
            use_norm(part, decoder_norm)
        nn.init.constant_(self.head[0].bias, math.log(PRIOR / (1 - PRIOR)))

    def forward(self, images_nchw: Tensor) -> Prediction:
        """Predict from uint8 or float images `[N, C, S, S]` in 0..255."""
        images = self.normalisation(images_nchw)
        features: list[Tensor] = self.neck(images, self.encoder(images))
        pixels = self.head(self.decoder(features))
        presence = self.presence_head(features[-1], pixels, _inside(images_nchw))
        return Prediction(pixels.float(), presence.float(), features[-1].float().mean(dim=(-2, -1)))

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """The weights that may have been pretrained."""
        return self.encoder.parameters()

    def encoder_layers(self) -> list[list[nn.Parameter]]:
        """The weights that may have been pretrained by layer, the one nearest to the image first."""
        return [[self.encoder.get_parameter(name) for name in layer] for layer in self._encoder_layers]

    def freeze_encoder(self, layers: int | Literal["all"]) -> None:
        """Freeze the first layers of the encoder, and release the others.

        Frozen layers have no gradient, keep their running statistics and drop nothing at random. As all that comes
        before them is frozen too, their activations are not kept for the backward pass.

        Args:
            layers: How many, from the image on; 0 releases the whole encoder.
        """
        frozen = self._encoder_layers if layers == "all" else self._encoder_layers[:layers]
        names = {name for layer in frozen for name in layer}
        for name, parameter in self.encoder.named_parameters():
            parameter.requires_grad_(name not in names)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - torch's signature
        """Set training mode, but for the parts of the encoder all of whose weights are frozen."""
        super().train(mode)
        for module in _frozen_modules(self.encoder):
            module.eval()
        return self

    def other_parameters(self) -> Iterator[nn.Parameter]:
        """The weights that always start from scratch."""
        for part in (self.neck, self.decoder, self.head, self.presence_head):
            yield from part.parameters()


def _inside(images_nchw: Tensor) -> Tensor:
    """Find the image in its letterbox: where neither the row nor the column is black, bool `[N, 1, S, S]`."""
    lit = images_nchw.float().amax(dim=1, keepdim=True)
    return (lit.amax(dim=-1, keepdim=True) > 0) & (lit.amax(dim=-2, keepdim=True) > 0)


def _frozen_modules(module: nn.Module) -> Iterator[nn.Module]:
    """The largest parts of a module all of whose weights are frozen, with what has none in them, such as dropout."""
    weights = list(module.parameters())
    if weights and not any(weight.requires_grad for weight in weights):
        yield module
        return
    for child in module.children():
        yield from _frozen_modules(child)


class PassThrough(nn.Module):
    """The neck of an encoder whose features are what the decoder needs."""

    def forward(self, images: Tensor, features: list[Tensor]) -> list[Tensor]:
        """Leave the features as they are; the image `[N, C, S, S]` is not looked at."""
        del images
        return features
