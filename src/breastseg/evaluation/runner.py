"""Runs a checkpoint over prepared cases: the one module of the judgement that knows torch."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from breastseg.evaluation.compute_file import NetworkCost, network_cost
from breastseg.evaluation.judged_case import Logits
from breastseg.inference.letterbox import Letterbox
from breastseg.models import registry
from breastseg.models.compute import count_compute
from breastseg.models.flip_averaging import as_asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from torch import nn

    from breastseg.data.table import PreparedCase
    from breastseg.evaluation.arrays import Image
    from breastseg.models.checkpoint import CheckpointSpec
    from breastseg.models.network import Prediction
    from breastseg.params.inference import Inference

_BATCH_SIZE = 16


def predict_logits(checkpoint: Path, cases: Iterable[PreparedCase], asked: Inference) -> Iterator[Logits]:
    """Predict case by case in float32, on the machine's accelerator where it has one.

    Args:
        checkpoint: Folder of a checkpoint.
        cases: Read as they are needed, a batch at a time.
        asked: How the network answers.

    Yields:
        Logits of each case, in the order given.

    Raises:
        ProblemsError: The checkpoint is missing or damaged.
    """
    network, spec = registry.load(checkpoint)
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    answering = as_asked(network, asked).to(device)
    remaining = iter(cases)
    while batch := list(islice(remaining, _BATCH_SIZE)):
        images_nchw = np.stack([_letterboxed(case, spec) for case in batch])
        yield from _forward(answering, images_nchw, device)


def measure_cost(checkpoint: Path, asked: Inference) -> NetworkCost:
    """Count parameters and multiply-accumulates of a checkpoint's network, at the size that it was trained at.

    Raises:
        ProblemsError: The checkpoint is missing or damaged.
    """
    network, spec = registry.load(checkpoint)
    compute = count_compute(as_asked(network, asked), spec.channels, spec.image_size)
    return network_cost(compute.parameters, compute.macs)


def _letterboxed(case: PreparedCase, spec: CheckpointSpec) -> Image:
    return Letterbox(case.height, case.width, spec.image_size).image(case.image(), spec.channels)


def _forward(network: nn.Module, images_nchw: Image, device: torch.device) -> Iterator[Logits]:
    """Predict N images; on CUDA without TF32, whose ten bits of mantissa are no float32."""
    with torch.inference_mode(), torch.backends.cudnn.flags(deterministic=True, benchmark=False, allow_tf32=False):
        predicted: Prediction = network(torch.from_numpy(images_nchw).to(device))
    pixels, presence = (values.float().cpu().numpy() for values in (predicted.pixels, predicted.presence))
    for i in range(len(images_nchw)):
        yield Logits(pixels[i, 0], float(presence[i, 0]))
