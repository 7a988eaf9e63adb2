"""A U-Net with a convolutional encoder: the arm that the transformer has to beat.

Ronneberger et al. 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.models import encoder_names, encoders
from breastseg.models.encoder_layers import find_layers
from breastseg.models.encoder_weights import hub_errors
from breastseg.models.network import PassThrough, SegmentationNetwork

if TYPE_CHECKING:
    from breastseg.params.cnn_unet import CnnUnet


def build(params: CnnUnet, channels: int, image_size: int) -> SegmentationNetwork:
    """Build the network; its initial weights follow torch's random seed.

    Args:
        params: The section `cnn_unet`.
        channels: 1 for grey images, 3 for RGB.
        image_size: Side of the images in pixels, a multiple of 32.

    Raises:
        ProblemsError: The encoder is unknown, a transformer, or cannot do what the params ask for, or its local
            weights do not fit.
    """
    name = encoder_names.find(params.encoder, "cnn")
    with hub_errors(params):
        pyramid = encoders.build_pyramid(name, params, channels, image_size)
        normalisation = encoders.normalisation(name, params, channels)
    return SegmentationNetwork(
        normalisation=normalisation,
        encoder=pyramid.encoder,
        encoder_layers=find_layers(name, pyramid.encoder, params),
        neck=PassThrough(),
        neck_channels=pyramid.channels,
        decoder_channels=params.decoder_channels,
        decoder_norm=params.decoder_norm,
    )
