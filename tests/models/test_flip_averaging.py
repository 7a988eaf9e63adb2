"""A prediction that is averaged over mirror images does not depend on which of the two is shown."""

from __future__ import annotations

import torch

from breastseg.models.flip_averaging import FlipAveraged, as_asked
from breastseg.models.network import Prediction, Predictor
from breastseg.params.inference import Inference


class Leaning(Predictor):
    """Adds a ramp from left to right, so that its predictions depend on left and right."""

    def forward(self, images_nchw: torch.Tensor) -> Prediction:
        ramp = torch.linspace(0, 1, images_nchw.shape[-1])
        pixels = images_nchw[:, :1].float() + ramp
        leaning = (pixels * ramp).mean(dim=(-2, -1))
        return Prediction(pixels, leaning, 2 * leaning)


def test_the_mirror_image_gets_the_mirrored_prediction() -> None:
    images = torch.randint(0, 256, (3, 2, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    network = FlipAveraged(Leaning())
    found, mirrored = network(images), network(images.flip(-1))
    assert found.pixels.shape == (3, 1, 8, 8)
    torch.testing.assert_close(mirrored.pixels, found.pixels.flip(-1))
    torch.testing.assert_close(found.pixels, images[:, :1].float() + 0.5)
    for name in ("presence", "embedding"):
        assert getattr(found, name).shape == (3, 1)
        torch.testing.assert_close(getattr(mirrored, name), getattr(found, name))
        assert not torch.allclose(getattr(Leaning()(images), name), getattr(found, name))


def test_a_network_predicts_as_it_is_unless_asked_otherwise() -> None:
    network = Leaning()
    assert as_asked(network, Inference(flip_averaging=False)) is network
    assert isinstance(as_asked(network, Inference(flip_averaging=True)), FlipAveraged)
