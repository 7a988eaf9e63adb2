"""A plain vision transformer as an encoder: one grid of tokens from the first block to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import timm
from torch import nn
from torch.nn import functional

from breastseg.models import encoders

if TYPE_CHECKING:
    from torch import Tensor

    from breastseg.params.encoder_names import EncoderName
    from breastseg.params.unet import Unet


class PlainVit(nn.Module):
    """Four features of one stride, from a quarter, a half, three quarters and the whole of the blocks.

    Args:
        encoder: The encoder's name.
        params: The section `vit_unet`.
        channels: Channels of the images.
        image_size: Side of the images in pixels.
    """

    def __init__(self, encoder: EncoderName, params: Unet, channels: int, image_size: int) -> None:
        super().__init__()
        info = encoders.feature_info(encoder)
        patch, self.embedding = info.reduction()[-1], info.channels()[-1]
        self.side = max(1, round(image_size / patch)) * patch
        options = encoders.timm_options(encoder, params, channels, self.side)
        blocks = [len(info) * quarter // 4 - 1 for quarter in (1, 2, 3, 4)]
        vit = timm.create_model(encoder.name, features_only=True, out_indices=blocks, in_chans=channels, **options)
        self.vit = encoders.drop_weight_copies(vit)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Bring the images to whole patches and take the features.

        Args:
            images: `[N, C, S, S]`.

        Returns:
            Four of `[N, embedding, G, G]`, the shallowest first; G patches cover a side.
        """
        if images.shape[-1] != self.side:
            images = functional.interpolate(images, size=(self.side, self.side), mode="bilinear")
        features: list[Tensor] = self.vit(images)
        return features
