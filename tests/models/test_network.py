from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis.extra.numpy as arrays
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given

from breastseg.models import cnn_unet
from breastseg.models.network import PRIOR, Normalisation

if TYPE_CHECKING:
    from breastseg.params.cnn_unet import CnnUnet


@given(arrays.arrays(np.uint8, (2, 3, 4, 4)))
def test_normalisation_is_the_textbook_formula(images: npt.NDArray[np.uint8]) -> None:
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    expected = (images / 255 - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    actual = Normalisation(mean, std)(torch.from_numpy(images))
    assert actual.dtype == torch.float32
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_an_untrained_network_expects_few_lesion_pixels(cnn_params: CnnUnet) -> None:
    network = cnn_unet.build(cnn_params, channels=1, image_size=64).eval()
    predicted = network(torch.randint(0, 256, (4, 1, 64, 64), dtype=torch.uint8))
    assert torch.sigmoid(predicted.pixels).mean().item() == pytest.approx(PRIOR, abs=0.05)


def test_presence_is_predicted_apart_from_pixels(cnn_params: CnnUnet) -> None:
    network = cnn_unet.build(cnn_params, channels=1, image_size=64).eval()
    images = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8)
    bias = network.presence_head.get_parameter("3.bias")
    before = network(images)
    torch.nn.init.constant_(bias, bias.item() + 3)
    after = network(images)
    assert torch.equal(after.pixels, before.pixels)
    torch.testing.assert_close(after.presence, before.presence + 3)
    assert before.presence.shape == (2, 1)
    assert before.embedding.ndim == 2
