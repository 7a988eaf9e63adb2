"""Layers of an encoder from the image on: the stem, then each stage of a CNN or block of a plain transformer."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import timm
import torch
from timm.models import group_parameters

from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from torch import nn

    from breastseg.params.encoder_names import EncoderName
    from breastseg.params.unet import Unet

# names of the parameters of each layer, relative to the encoder
Layers = tuple[tuple[str, ...], ...]


def find_layers(name: EncoderName, encoder: nn.Module, params: Unet) -> Layers:
    """Sort the parameters of an encoder into its layers, the one nearest to the image first.

    The layers are the coarse groups of timm's `group_matcher`, which its own layer-wise learning-rate decay is made of:
    stem and stages of a CNN or a hierarchical transformer; patch embedding, with tokens and positions, and blocks of a
    plain one. Where `params` treat all layers alike, the whole encoder is one.

    Args:
        name: The encoder's name.
        encoder: The encoder, built.
        params: The network's section.

    Raises:
        ProblemsError: The layers are needed, but timm does not know them, or more are to be frozen than there are.
    """
    names = tuple(parameter for parameter, _ in encoder.named_parameters())
    if not params.needs_encoder_layers:
        return (names,)
    depths = _depths(name)
    layers: defaultdict[int, list[str]] = defaultdict(list)
    for parameter in names:
        layers[_depth(parameter, depths, name)].append(parameter)
    found = tuple(tuple(layers[depth]) for depth in sorted(layers))
    frozen = params.encoder_frozen_layers
    if frozen != "all" and frozen > len(found):
        what = f"has {len(found)} layers, the stem among them; encoder_frozen_layers is {frozen}"
        problem = Problem(name.name, what, f"Set it to {len(found)} or less, or to all")
        raise ProblemsError("Unsuited encoder", [problem])
    return found


def _depths(name: EncoderName) -> dict[str, int]:
    """Layer of each parameter of the whole encoder; a feature extractor has lost timm's table of them."""
    with torch.device("meta"):
        whole = timm.create_model(name.name)
    matcher = getattr(whole, "group_matcher", None)
    if matcher is None:
        raise _unknown(name)
    depths = group_parameters(whole, matcher(coarse=True), reverse=True)
    return {_flat(parameter): depth for parameter, depth in depths.items()}


def _depth(parameter: str, depths: dict[str, int], name: EncoderName) -> int:
    """Look a parameter of a feature extractor up, whose names are longer in front: `model.` or `vit.model.`."""
    inner = parameter
    while inner:
        if (depth := depths.get(_flat(inner))) is not None:
            return depth
        inner = inner.partition(".")[2]
    raise _unknown(name)


def _flat(parameter: str) -> str:
    """A name as feature extractors and whole encoders have it in common: `stages.0` of these is `stages_0` of those."""
    return parameter.replace(".", "_")


def _unknown(name: EncoderName) -> ProblemsError:
    fix = "Set encoder_frozen_layers to 0 or all, and encoder_layer_decay to 1.0, or choose another encoder"
    return ProblemsError("Unsuited encoder", [Problem(name.name, "has no layers that timm knows of", fix)])
