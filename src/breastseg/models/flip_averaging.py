"""Test-time augmentation by mirror image, as a part of the network, so that judgement and exported file do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from breastseg.params.inference import Inference


class FlipAveraged(nn.Module):
    """Averages the logits of an image and of its left-right mirror image; one batch of twice the size.

    Args:
        network: Maps images `[N, C, S, S]` to logits `[N, 1, S, S]`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images_nchw: torch.Tensor) -> torch.Tensor:
        """Predict logits, float32 `[N, 1, S, S]`."""
        logits = self.network(torch.cat([images_nchw, images_nchw.flip(-1)]))
        # neither chunk nor len, which fix the number of images in an exported graph
        number = images_nchw.shape[0]
        mean: torch.Tensor = (logits[:number] + logits[number:].flip(-1)) / 2
        return mean


def as_asked(network: nn.Module, params: Inference) -> nn.Module:
    """Let the network answer as the section `inference` asks for."""
    return FlipAveraged(network) if params.flip_averaging else network
