"""Test-time augmentation by mirror image, as a part of the network, so that judgement and exported file do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from breastseg.models.network import Answer, Answering

if TYPE_CHECKING:
    from breastseg.params.inference import Inference


class FlipAveraged(Answering):
    """Averages the logits of an image and of its left-right mirror image; one batch of twice the size.

    Args:
        network: Maps images `[N, C, S, S]` to logits `[N, 1, S, S]`.
    """

    def __init__(self, network: Answering) -> None:
        super().__init__()
        self.network = network

    def forward(self, images_nchw: torch.Tensor) -> torch.Tensor:
        """Predict logits, float32 `[N, 1, S, S]`."""
        logits: torch.Tensor = self.network(_with_mirror_images(images_nchw))
        return _mean_over_mirror_images(logits, images_nchw.shape[0])

    def answer(self, images_nchw: torch.Tensor) -> Answer:
        """Predict, and tell the mean of both embeddings beside it."""
        number, both = images_nchw.shape[0], self.network.answer(_with_mirror_images(images_nchw))
        embedding = (both.embedding[:number] + both.embedding[number:]) / 2
        return Answer(_mean_over_mirror_images(both.logits, number), embedding)


def _with_mirror_images(images_nchw: torch.Tensor) -> torch.Tensor:
    return torch.cat([images_nchw, images_nchw.flip(-1)])


def _mean_over_mirror_images(logits: torch.Tensor, number: int) -> torch.Tensor:
    # neither chunk nor len, which fix the number of images in an exported graph
    return (logits[:number] + logits[number:].flip(-1)) / 2


def as_asked(network: Answering, params: Inference) -> Answering:
    """Let the network answer as the section `inference` asks for."""
    return FlipAveraged(network) if params.flip_averaging else network
