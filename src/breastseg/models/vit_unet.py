"""A U-Net decoder on a vision-transformer encoder, hierarchical (PVT, Swin, …) or plain (ViT, DINOv2, …)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.errors import Problem, ProblemsError
from breastseg.models import encoder_names, encoders
from breastseg.models.encoder_layers import find_layers
from breastseg.models.encoder_weights import hub_errors
from breastseg.models.network import PassThrough, SegmentationNetwork
from breastseg.models.plain_vit import PlainVit
from breastseg.models.vit_pyramid import DEEPEST_STRIDE, FineSkip, SimplePyramid

if TYPE_CHECKING:
    from torch import nn

    from breastseg.params.encoder_names import EncoderName
    from breastseg.params.vit_unet import VitUnet


def build(params: VitUnet, channels: int, image_size: int) -> SegmentationNetwork:
    """Build the network; its initial weights follow torch's random seed.

    Args:
        params: The section `vit_unet`.
        channels: 1 for grey images, 3 for RGB.
        image_size: Side of the images in pixels, a multiple of 32.

    Raises:
        ProblemsError: The encoder is unknown, a CNN, or cannot do what the params ask for, or its local weights do
            not fit.
    """
    name = encoder_names.find(params.encoder, "transformer")
    with hub_errors(params):
        encoder, neck, neck_channels = _parts(name, params, channels, image_size)
        normalisation = encoders.normalisation(name, params, channels)
    return SegmentationNetwork(
        normalisation=normalisation,
        encoder=encoder,
        encoder_layers=find_layers(name, encoder, params),
        neck=neck,
        neck_channels=neck_channels,
        decoder_channels=params.decoder_channels,
        decoder_norm=params.decoder_norm,
    )


def _parts(
    name: EncoderName, params: VitUnet, channels: int, image_size: int
) -> tuple[nn.Module, nn.Module, list[int]]:
    """Encoder, neck, and the channels of the neck's six features."""
    coarse, *_, finest = params.decoder_channels[:-1]
    if name.library == "timm" and encoders.is_plain(name):
        _check_norm(params, image_size)
        widths = [*reversed(params.decoder_channels[:-1]), coarse]
        vit = PlainVit(name, params, channels, image_size)
        return vit, SimplePyramid(channels, vit.embedding, widths), [channels, *widths]
    encoder, widths = encoders.build_pyramid(name, params, channels, image_size)
    if widths[1] > 0:
        return encoder, PassThrough(), widths
    return encoder, FineSkip(channels, finest), [channels, finest, *widths[2:]]


def _check_norm(params: VitUnet, image_size: int) -> None:
    """Refuse to normalise each channel of an image by itself where it has one value, which would become 0."""
    if params.decoder_norm == "instance" and image_size == DEEPEST_STRIDE:
        what = f"is instance, which has one value to normalise at stride {DEEPEST_STRIDE} of image_size {image_size}"
        fix = f"Set it to group, or train.image_size to at least {2 * DEEPEST_STRIDE}"
        raise ProblemsError("Unsuited normalisation", [Problem("vit_unet.decoder_norm", what, fix)])
