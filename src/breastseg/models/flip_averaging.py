"""Test-time augmentation by mirror image, as a part of the network: the same in evaluation and in exported files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from breastseg.models.network import Prediction, Predictor

if TYPE_CHECKING:
    from breastseg.params.inference import Inference


class FlipAveraged(Predictor):
    """Averages the predictions for an image and its left-right mirror image; one batch of twice the size.

    Args:
        network: Predicts for images `[N, C, S, S]`.
    """

    def __init__(self, network: Predictor) -> None:
        super().__init__()
        self.network = network

    def forward(self, images_nchw: torch.Tensor) -> Prediction:
        """Predict; logits and embeddings are averaged, those of pixels after the mirror image is turned back."""
        # neither chunk nor len, which fix the number of images in an exported graph
        number = images_nchw.shape[0]
        both: Prediction = self.network(torch.cat([images_nchw, images_nchw.flip(-1)]))
        presence, embedding = ((values[:number] + values[number:]) / 2 for values in both[1:])
        return Prediction((both.pixels[:number] + both.pixels[number:].flip(-1)) / 2, presence, embedding)


def as_asked(network: Predictor, params: Inference) -> Predictor:
    """Let the network predict as the section `inference` asks for."""
    return FlipAveraged(network) if params.flip_averaging else network
