"""Parameters and multiply-accumulates of networks small enough to count by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from breastseg.models import cnn_unet, vit_unet
from breastseg.models.compute import Compute, count_compute
from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.vit_unet import VitUnet
from tests.unets import UNET

S = 8


class Convolutions(nn.Module):
    """A strided, a depthwise and a transposed convolution, and what does not count: normalisation, activation."""

    def __init__(self) -> None:
        super().__init__()
        self.strided = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 5, padding=2, groups=4, bias=False)
        self.transposed = nn.ConvTranspose2d(4, 2, 2, stride=2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.depthwise(torch.relu(self.norm(self.strided(image.float()))))
        up: torch.Tensor = self.transposed(nn.functional.max_pool2d(features, 1))
        return up


class Attention(nn.Module):
    """One head of self-attention over the pixels as tokens of one channel, brought to four."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(1, 4)
        self.qkv = nn.Linear(4, 12, bias=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        tokens = self.embed(image.float().reshape(1, 1, -1, 1))
        return nn.functional.scaled_dot_product_attention(*self.qkv(tokens).chunk(3, dim=-1))


def test_convolutions_are_counted_by_output_kernel_and_groups() -> None:
    macs = 4 * 16 * 9 + 4 * 16 * 25 + 2 * 4 * 4 * 16
    parameters = (4 * 9 + 4) + 8 + 4 * 25 + (4 * 2 * 4 + 2)
    assert count_compute(Convolutions().eval(), 1, S) == Compute(parameters, macs)


def test_attention_is_counted_as_its_two_matrix_products() -> None:
    tokens = S * S
    projections = tokens * 1 * 4 + tokens * 4 * 12
    products = 2 * tokens * tokens * 4
    assert count_compute(Attention().eval(), 1, S) == Compute(8 + 48, projections + products)


@pytest.mark.parametrize(
    "network",
    [
        cnn_unet.build(CnnUnet.model_validate({**UNET, "encoder": "tu-lcnet_035"}), 1, 64),
        vit_unet.build(VitUnet.model_validate({**UNET, "encoder": "tu-pvt_v2_b0"}), 1, 64),
    ],
    ids=["cnn_unet", "vit_unet"],
)
def test_four_times_the_pixels_cost_the_convolutions_four_times_as_much(network: nn.Module) -> None:
    small, large = (count_compute(network.eval(), 1, size) for size in (64, 128))
    assert small.parameters == large.parameters == sum(weight.numel() for weight in network.parameters())
    # attention over tokens grows faster than the number of tokens, the global pooling's layers do not grow
    assert 3.5 < large.macs / small.macs < 5
    assert count_compute(network, 1, 64) == small
