"""Says where an encoder's initial weights come from: nowhere, the hub, or a local file whose content is known."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import segmentation_models_pytorch as smp
import timm
from safetensors import SafetensorError
from safetensors.torch import load

from breastseg.errors import Problem, ProblemsError
from breastseg.models.encoder_names import config
from breastseg.params import encoder_names
from breastseg.params.local_weights import read_weights
from breastseg.params.unet import HUB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from breastseg.params.encoder_names import EncoderName
    from breastseg.params.unet import Unet


@contextmanager
def hub_errors(params: Unet) -> Iterator[None]:
    """Turn an unreachable hub into an error that tells the ways around it.

    Raises:
        ProblemsError: What is inside asked the hub for weights and did not get them.
    """
    try:
        yield
    except OSError as error:
        mend = "Set encoder_weights to null, or to a file below models/pretrained/"
        problem = Problem(params.encoder, f"cannot be had from the hub ({error})", mend)
        raise ProblemsError("No pretrained weights", [problem]) from error


def check_smp(encoder: EncoderName, params: Unet) -> None:
    """Refuse what the encoders that only smp has cannot do.

    Raises:
        ProblemsError: Local weights, stochastic depth or some layers are asked for, or hub weights that do not exist.
    """
    encoder_names.check_smp(encoder, params)
    if params.encoder_weights == HUB and HUB not in smp.encoders.encoders[encoder.name]["pretrained_settings"]:
        problem = Problem(encoder.name, "has no ImageNet weights on the hub", encoder_names.instead_of_smp(encoder))
        raise ProblemsError("Unsuited encoder", [problem])


def timm_weights(encoder: EncoderName, params: Unet, shape: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that make `timm.create_model` start from the weights asked for.

    timm itself fits them to the network: the first convolution to the channels (grey takes the sum over RGB),
    position grids and biases to the image size.

    Args:
        encoder: An encoder of timm.
        params: Says which weights.
        shape: The other arguments of `timm.create_model`.

    Raises:
        ProblemsError: The hub has none, or the local file is missing, altered or of another encoder.
    """
    if params.encoder_weights is None:
        return {"pretrained": False}
    if params.encoder_weights != HUB:
        return _from_file(encoder, Path(params.encoder_weights), params.encoder_weights_sha256, shape)
    if not timm.is_model_pretrained(encoder.name):
        problem = Problem(
            encoder.name, "has no weights on the hub", "`timm.list_pretrained()` lists the names that have"
        )
        raise ProblemsError("No pretrained weights", [problem])
    return {"pretrained": True}


def _from_file(encoder: EncoderName, path: Path, sha256: str | None, shape: Mapping[str, Any]) -> dict[str, Any]:
    weights = _without_classifier(encoder, _read(path, sha256))
    # no classifier is wanted, so timm has no reason to load anything but strictly
    overlay = {"state_dict": weights, "num_classes": 0, "classifier": None, "label_offset": 0}
    options: dict[str, Any] = {"pretrained": True, "pretrained_cfg_overlay": overlay}
    try:
        # an encoder cut down to its features drops late layers: only the whole one can tell whether the file fits
        timm.create_model(encoder.name, **options, **shape)
    except (RuntimeError, KeyError, ValueError) as error:
        problem = Problem(
            str(path), f"does not fit {encoder.name}: {error}", "Take the safetensors file of this encoder"
        )
        raise ProblemsError("Unsuited pretrained weights", [problem]) from error
    return options


def _read(path: Path, sha256: str | None) -> dict[str, Tensor]:
    content = read_weights(path, sha256)
    try:
        return load(content)
    except SafetensorError as error:
        problem = Problem(str(path), f"is no safetensors file ({error})", "Convert it with the package safetensors")
        raise ProblemsError("Unreadable pretrained weights", [problem]) from error


def _without_classifier(encoder: EncoderName, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    layers = config(encoder).classifier or ()
    named = (layers,) if isinstance(layers, str) else layers
    return {key: value for key, value in weights.items() if key.rpartition(".")[0] not in named}
