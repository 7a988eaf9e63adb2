from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis.extra.numpy as arrays
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from breastseg.models import cnn_unet
from breastseg.models.network import PRIOR, Heads, Normalisation

if TYPE_CHECKING:
    from breastseg.params.cnn_unet import CnnUnet


LOGITS = st.floats(-30, 30, width=32)


@given(arrays.arrays(np.uint8, (2, 3, 4, 4)))
def test_normalisation_is_the_textbook_formula(images: npt.NDArray[np.uint8]) -> None:
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    expected = (images / 255 - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    actual = Normalisation(mean, std)(torch.from_numpy(images))
    assert actual.dtype == torch.float32
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_an_untrained_network_expects_few_lesion_pixels(cnn_params: CnnUnet) -> None:
    network = cnn_unet.build(cnn_params, channels=1, image_size=64).eval()
    heads = network.heads(torch.randint(0, 256, (4, 1, 64, 64), dtype=torch.uint8))
    assert torch.sigmoid(heads.pixels).mean().item() == pytest.approx(PRIOR, abs=0.05)
    assert torch.sigmoid(heads.joined()).mean().item() < PRIOR


@given(arrays.arrays(np.float32, (2, 1, 3, 3), elements=LOGITS), arrays.arrays(np.float32, (2, 1), elements=LOGITS))
def test_joined_heads_are_the_product_of_both_probabilities(
    pixels: npt.NDArray[np.float32], presence: npt.NDArray[np.float32]
) -> None:
    joined = Heads(torch.from_numpy(pixels), torch.from_numpy(presence)).joined()
    expected = expit(pixels.astype(np.float64)) * expit(presence.astype(np.float64))[..., None, None]
    np.testing.assert_allclose(torch.sigmoid(joined), expected, rtol=1e-4, atol=1e-12)
    assert torch.isfinite(joined).all()


def test_where_no_lesion_is_expected_no_pixel_is_one(cnn_params: CnnUnet) -> None:
    network = cnn_unet.build(cnn_params, channels=1, image_size=64).eval()
    torch.nn.init.constant_(network.head[0].bias, 5.0)
    images = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8)
    bias = network.presence_head.get_parameter("3.bias")
    for value, lesions in ((10.0, True), (-10.0, False)):
        torch.nn.init.constant_(bias, value)
        assert bool((network(images) > 0).any()) == lesions
