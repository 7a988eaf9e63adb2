"""What a network costs, as a property of the network and not of a machine: parameters and multiply-accumulates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Compute:
    """The cost of one network.

    Attributes:
        parameters: Trainable numbers.
        macs: Multiply-accumulates of one image in convolutions, matrix products and attention; what is done pixel by
            pixel (normalisation, activation, resampling) does not count, as in the field's usual figures.
    """

    parameters: int
    macs: int


def count_compute(network: nn.Module, channels: int, image_size: int) -> Compute:
    """Count what one image of `[channels, image_size, image_size]` costs.

    Args:
        network: In evaluation mode, on the CPU; takes uint8 `[N, C, S, S]`.
        channels: 1 or 3.
        image_size: Side in pixels.
    """
    image_nchw = torch.zeros((1, channels, image_size, image_size), dtype=torch.uint8)
    # plain attention is made of matrix products, which are counted on any machine; fused kernels differ by version
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network(image_nchw)
    # the counter takes a multiplication and an addition for two
    return Compute(sum(weight.numel() for weight in network.parameters()), counter.get_total_flops() // 2)
