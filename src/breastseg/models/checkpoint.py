"""Writes trained weights beside the words that rebuild their network; no pickles, same network same bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialize

from breastseg.errors import Problem, ProblemsError
from breastseg.files import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.models.network import SegmentationNetwork

WEIGHTS = "weights.safetensors"
SPEC = "network.json"

MEND = "Train again: `dvc repro`"


class CheckpointSpec(BaseModel):
    """How to rebuild a network.

    Attributes:
        network: The module below `breastseg.models` that builds it.
        channels: 1 for grey images, 3 for RGB.
        image_size: Side of the square images in pixels.
        params: The network's section of params.yaml.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    network: Literal["cnn_unet", "vit_unet"]
    channels: Literal[1, 3]
    image_size: int = Field(ge=32, multiple_of=32)
    params: dict[str, object]


def save(network: SegmentationNetwork, spec: CheckpointSpec, folder: Path) -> None:
    """Write `weights.safetensors` and, last, `network.json`; the folder is made where there is none.

    The bytes depend on the weights and the spec alone, not on device or memory format.
    """
    # channels-last weights are views that safetensors refuses
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    text = json.dumps(spec.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"
    with replacing(folder / WEIGHTS) as partial:
        # not safetensors' own writer: killed, it leaves a file of a random name that nothing removes
        partial.write_bytes(serialize(weights))
    with replacing(folder / SPEC) as partial:
        partial.write_text(text, encoding="utf-8")


def read_spec(folder: Path) -> CheckpointSpec:
    """Read `network.json`.

    Raises:
        ProblemsError: The file is missing or does not hold.
    """
    path = folder / SPEC
    try:
        return CheckpointSpec.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise ProblemsError("No checkpoint", [Problem(str(path), f"cannot be read ({error})", MEND)]) from error


def load_weights(network: SegmentationNetwork, folder: Path) -> None:
    """Load `weights.safetensors` into a network of the same build, strictly.

    Raises:
        ProblemsError: The file is missing or damaged, or is of another network.
    """
    path = folder / WEIGHTS
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise ProblemsError("No checkpoint", [Problem(str(path), f"cannot be read ({error})", MEND)]) from error
    except RuntimeError as error:
        raise ProblemsError("Another network's weights", [Problem(str(path), str(error), MEND)]) from error
