"""Gives vision transformers what a U-Net decoder needs and they lack: fine skips, and for plain ViTs a pyramid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timm.layers.norm import LayerNorm2d
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


# the stride that the transformer's grid is brought to, from which the levels are made
BASE_STRIDE = 16
# that of the deepest level
DEEPEST_STRIDE = 32


class FineStem(nn.Sequential):
    """Two convolutions on the image itself, at stride 2: edges that patches of 4 pixels and more have lost.

    Xiao et al. 2021, "Early Convolutions Help Transformers See Better".

    Args:
        channels: Channels of the image.
        width: Channels of the feature.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(_convolution(channels, width, stride=2), _convolution(width, width, stride=1))


class FineSkip(nn.Module):
    """The neck of a hierarchical transformer, whose finest feature has stride 4: adds the one at stride 2.

    Args:
        channels: Channels of the image.
        width: Channels of the added feature.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.stem = FineStem(channels, width)

    def forward(self, images: Tensor, features: list[Tensor]) -> list[Tensor]:
        """Put the feature at stride 2, `[N, width, S/2, S/2]`, in the place of the empty one."""
        return [images, self.stem(images), *features[2:]]


class SimplePyramid(nn.Module):
    """The neck of a plain ViT: four features of one stride become a pyramid at strides 4, 8, 16 and 32.

    Li et al. 2022, "Exploring Plain Vision Transformer Backbones for Object Detection", section 3; other than there,
    each level starts from a block of its own depth (Ranftl et al. 2021, "Vision Transformers for Dense Prediction").

    Args:
        channels: Channels of the image.
        embedding: Channels of the transformer's tokens.
        widths: Channels of the features at strides 2, 4, 8, 16 and 32.
    """

    def __init__(self, channels: int, embedding: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.stem = FineStem(channels, widths[0])
        self.levels = nn.ModuleList(
            nn.Sequential(LayerNorm2d(embedding), *_resampling(embedding, width, stride))
            for stride, width in zip((4, 8, 16, DEEPEST_STRIDE), widths[1:], strict=True)
        )

    def forward(self, images: Tensor, features: list[Tensor]) -> list[Tensor]:
        """Make the pyramid.

        Args:
            images: `[N, C, S, S]`.
            features: Four of `[N, embedding, G, G]`, the shallowest first, G being the transformer's grid.

        Returns:
            Six features, `[N, widths[i], S / stride, S / stride]`, of strides 1 (the image itself) to 32.
        """
        side = images.shape[-1] // BASE_STRIDE
        pyramid = [
            level(functional.interpolate(feature, size=(side, side), mode="bilinear"))
            for level, feature in zip(self.levels, features, strict=True)
        ]
        return [images, self.stem(images), *pyramid]


def _resampling(embedding: int, width: int, stride: int) -> list[nn.Module]:
    """From the base stride to `stride`."""
    if stride > BASE_STRIDE:
        return [nn.MaxPool2d(stride // BASE_STRIDE), _convolution(embedding, width, stride=1)]
    doublings = (BASE_STRIDE // stride).bit_length() - 1
    return [_convolution(embedding, width, stride=1), *(_doubling(width) for _ in range(doublings))]


def _doubling(width: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(width, width, kernel_size=2, stride=2), nn.BatchNorm2d(width), nn.GELU())


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
