"""Traces a network into one self-contained ONNX model that carries no trace of the machine that made it."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import onnx
import torch
from torch import nn

from breastseg.inference.contract import METADATA_KEY
from breastseg.inference.segmenter import EMBEDDING, INPUT, OUTPUT, PRESENCE

if TYPE_CHECKING:
    from breastseg.models.network import Prediction, Predictor

PRODUCER = "breastseg"


class CalibratedProbability(nn.Module):
    """A network's prediction as probabilities; pixels are calibrated by temperature scaling (Guo et al. 2017)."""

    def __init__(self, network: Predictor, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Predict for uint8 images `[N, C, S, S]`.

        Returns:
            Float32 probabilities of pixels `[N, 1, S, S]`, embeddings `[N, D]` and probabilities of presence `[N, 1]`.
        """
        found: Prediction = self.network(image)
        return torch.sigmoid(found.pixels / self.temperature), found.embedding, torch.sigmoid(found.presence)


def trace(network: Predictor, temperature: float, shape_chw: tuple[int, int, int], opset: int) -> onnx.ModelProto:
    """Export `image` uint8 `[N, C, S, S]` → `probability` float32 `[N, 1, S, S]`, `embedding` and `presence`, N free.

    Args:
        network: In evaluation mode, on the CPU.
        temperature: Divides the logits, so that the graph's probabilities are calibrated.
        shape_chw: Channels, height and width of the input, fixed in the graph.
        opset: ONNX operator set.

    Returns:
        The model, weights inside; node annotations, paths and exporter's name stripped.
    """
    # two images, since the exporter takes a batch of one for a constant
    example = torch.zeros((2, *shape_chw), dtype=torch.uint8)
    exporter_log = logging.getLogger("torch.onnx")
    level = exporter_log.level
    exporter_log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # the exporter's own calls of deprecated functions are nothing that a user can mend
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                CalibratedProbability(network, temperature).eval(),
                (example,),
                input_names=[INPUT],
                output_names=[OUTPUT, EMBEDDING, PRESENCE],
                dynamic_shapes={"image": {0: torch.export.Dim("N", min=1)}},
                opset_version=opset,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        exporter_log.setLevel(level)
    if program is None:
        raise RuntimeError("torch.onnx.export with dynamo=True gave no program")
    return _without_traces(program.model_proto)


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop what tells of the exporter and its machine: stack traces, source paths, versions."""
    model.producer_name, model.producer_version, model.doc_string = PRODUCER, "", ""
    del model.metadata_props[:]
    _strip(model.graph)
    for function in model.functions:
        _strip(function)
    return model


def _strip(scope: onnx.GraphProto | onnx.FunctionProto) -> None:
    scope.doc_string = ""
    del scope.metadata_props[:]
    parts = list(scope.node)
    if isinstance(scope, onnx.GraphProto):
        parts += [*scope.initializer, *scope.value_info, *scope.input, *scope.output]
    for part in parts:
        part.doc_string = ""
        del part.metadata_props[:]
    for attribute in (attribute for node in scope.node for attribute in node.attribute):
        for branch in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
            _strip(branch)


def with_contract(model: onnx.ModelProto, contract_json: str) -> bytes:
    """Serialise the model with the contract under `breastseg.contract`; the same inputs give the same bytes."""
    onnx.helper.set_model_props(model, {METADATA_KEY: contract_json})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
