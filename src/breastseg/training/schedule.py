"""The optimiser and its learning rates, as the shared protocol sets them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.optim.lr_scheduler import LambdaLR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch.nn import Parameter

    from breastseg.models.network import SegmentationNetwork
    from breastseg.params.train import Train
    from breastseg.params.unet import Unet


def make_optimizer(network: SegmentationNetwork, train: Train, unet: Unet) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) with learning rates for the encoder and one for everything else.

    Biases and the scales of normalisation layers are not decayed. Weights that are frozen now are left out: no step
    moves or decays them.
    """
    groups = [
        group
        for weights, rate in _encoder_rates(network, unet)
        for group in _groups(weights, rate, train.weight_decay)
        if group["params"]
    ]
    groups += _groups(network.other_parameters(), train.decoder_learning_rate, train.weight_decay)
    return torch.optim.AdamW(groups, fused=True)


def _encoder_rates(network: SegmentationNetwork, unet: Unet) -> Iterator[tuple[Iterable[Parameter], float]]:
    """The encoder's weights and their peak learning rates: by layer, where these differ."""
    if unet.encoder_layer_decay == 1:
        yield network.encoder_parameters(), unet.encoder_learning_rate
        return
    layers = network.encoder_layers()
    for depth, layer in enumerate(layers, start=1):
        yield layer, unet.encoder_learning_rate * unet.encoder_layer_decay ** (len(layers) - depth)


def _groups(parameters: Iterable[Parameter], rate: float, decay: float) -> list[dict[str, object]]:
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "lr": rate, "weight_decay": decay},
        {"params": [p for p in trained if p.ndim <= 1], "lr": rate, "weight_decay": 0.0},
    ]


def make_schedule(optimizer: torch.optim.Optimizer, steps: int, warmup_share: float) -> LambdaLR:
    """Scale the learning rates of `optimizer` step by step by `rate_factor`."""
    return LambdaLR(optimizer, lambda step: rate_factor(step, steps, warmup_share))


def rate_factor(step: int, steps: int, warmup_share: float) -> float:
    """Return the share of the peak learning rate at a step: a linear rise, then half a cosine towards 0.

    Args:
        step: The step, from 0; `steps` after the last one.
        steps: Steps of the whole training.
        warmup_share: Share of `steps` that rises.

    Returns:
        0..1; above 0 for every step that is taken.
    """
    warmup = round(warmup_share * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
