"""Rebuilds a network from its checkpoint alone; apart from the networks, so that neither depends on the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from breastseg.errors import Problem, ProblemsError
from breastseg.models import checkpoint, cnn_unet, vit_unet
from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.vit_unet import VitUnet

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.models.network import SegmentationNetwork

# the trained weights replace the pretrained ones, and nothing is trained
FROM_SCRATCH = {
    "encoder_weights": None,
    "encoder_weights_sha256": None,
    "encoder_frozen_layers": 0,
    "encoder_frozen_epochs": "all",
    "encoder_layer_decay": 1.0,
}


def load(folder: Path) -> tuple[SegmentationNetwork, checkpoint.CheckpointSpec]:
    """Rebuild the network, in evaluation mode, without hub and without any file of pretrained weights.

    Raises:
        ProblemsError: The checkpoint is missing, damaged, or of another version of the network.
    """
    spec = checkpoint.read_spec(folder)
    network = _build(spec, folder)
    checkpoint.load_weights(network, folder)
    return network.eval(), spec


def _build(spec: checkpoint.CheckpointSpec, folder: Path) -> SegmentationNetwork:
    section = json.dumps(spec.params | FROM_SCRATCH)
    try:
        if spec.network == "cnn_unet":
            return cnn_unet.build(CnnUnet.model_validate_json(section), spec.channels, spec.image_size)
        return vit_unet.build(VitUnet.model_validate_json(section), spec.channels, spec.image_size)
    except ValidationError as error:
        problem = Problem(str(folder / checkpoint.SPEC), f"does not hold ({error})", checkpoint.MEND)
        raise ProblemsError("No checkpoint", [problem]) from error
