"""An answer that is averaged over mirror images does not depend on which of the two is shown."""

from __future__ import annotations

import torch

from breastseg.models.flip_averaging import FlipAveraged, as_asked
from breastseg.models.network import Answer, Answering
from breastseg.params.inference import Inference


class Leaning(Answering):
    """Adds a ramp from left to right, so that its answers tell left from right."""

    def forward(self, images_nchw: torch.Tensor) -> torch.Tensor:
        return images_nchw[:, :1].float() + torch.linspace(0, 1, images_nchw.shape[-1])

    def answer(self, images_nchw: torch.Tensor) -> Answer:
        logits = self(images_nchw)
        return Answer(logits, (logits * torch.linspace(0, 1, images_nchw.shape[-1])).mean(dim=(-2, -1)))


def test_the_mirror_image_gets_the_mirrored_answer() -> None:
    images = torch.randint(0, 256, (3, 2, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    network = FlipAveraged(Leaning())
    answer = network(images)
    assert answer.shape == (3, 1, 8, 8)
    torch.testing.assert_close(network(images.flip(-1)), answer.flip(-1))
    torch.testing.assert_close(answer, images[:, :1].float() + 0.5)
    told = network.answer(images)
    torch.testing.assert_close(told.logits, answer)
    assert told.embedding.shape == (3, 1)
    torch.testing.assert_close(network.answer(images.flip(-1)).embedding, told.embedding)


def test_a_network_answers_as_it_is_unless_asked_otherwise() -> None:
    network = Leaning()
    assert as_asked(network, Inference(flip_averaging=False)) is network
    assert isinstance(as_asked(network, Inference(flip_averaging=True)), FlipAveraged)
