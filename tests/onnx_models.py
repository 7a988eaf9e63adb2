"""A tiny exported model whose answers can be computed by hand: bright pixels are lesion."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from breastseg.inference.contract import METADATA_KEY, Contract, Origin, Score
from breastseg.inference.gate import NAMES, GateCheck, GateResult
from breastseg.inference.lesions import OperatingPoint

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 64
MIDDLE_GREY = 128.0
SOFTNESS = 8.0


def make_gate(dice: float = 0.8, missed: float = 0.1, false_positives: float | None = 0.1) -> GateResult:
    """Hold these scores against fixed bounds, as an export does."""
    measured = zip(NAMES, (0.5, 0.2, 0.3), (dice, missed, false_positives), strict=True)
    return GateResult.of([GateCheck.of(*check) for check in measured])


PASSED_GATE = make_gate()
FAILED_GATE = make_gate(dice=0.4137, missed=0.25)


OLDER_OPERATING_POINT = OperatingPoint(temperature=1.0, threshold=0.5, min_area_share=0.001)
OPERATING_POINT = replace(OLDER_OPERATING_POINT, presence_threshold=0.5)


def make_contract(**changes: object) -> Contract:
    digest = "0123456789abcdef" * 4
    facts = {
        "network": "cnn_unet",
        "encoder": "none",
        "channels": 1,
        "image_size": SIZE,
        "operating_point": OPERATING_POINT if changes.get("schema_version", 4) == 4 else OLDER_OPERATING_POINT,
        "scores": {"dice": Score(mean=0.8, ci_low=0.7, ci_high=0.9, n=10)},
        "gate": PASSED_GATE,
        "licence": "Apache-2.0",
        "origin": Origin(
            prepared_table_sha256=digest, split_table_sha256=digest, checkpoint_sha256=digest, params_sha256=digest
        ),
    }
    return Contract.model_validate(facts | changes)


def make_graph(
    shape: tuple[int | str, ...] = ("N", 1, SIZE, SIZE),
    image_type: int = TensorProto.UINT8,
    names: tuple[str, ...] = ("image", "probability", "presence"),
    *,
    embedding: bool = False,
    middle: float = MIDDLE_GREY,
) -> onnx.GraphProto:
    """probability = sigmoid((mean over channels - MIDDLE_GREY) / SOFTNESS); embedding = [mean over all].

    presence = sigmoid(4 * (largest mean over channels - MIDDLE_GREY)), so 1 where any is a few levels brighter.
    """
    image, probability, presence = (*names, "presence")[:3]
    nodes = [
        helper.make_node("Cast", [image], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["grey", "axes"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["mean", "middle"], ["centred"]),
        helper.make_node("Div", ["centred", "softness"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], [probability]),
        helper.make_node("ReduceMax", ["centred", "all axes"], ["brightest"], keepdims=1),
        helper.make_node("Flatten", ["brightest"], ["brightest flat"]),
        helper.make_node("Mul", ["brightest flat", "steepness"], ["presence logit"]),
        helper.make_node("Sigmoid", ["presence logit"], [presence]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
        helper.make_tensor("all axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("steepness", TensorProto.FLOAT, [1], [4.0]),
        helper.make_tensor("middle", TensorProto.FLOAT, [1], [middle]),
        helper.make_tensor("softness", TensorProto.FLOAT, [1], [SOFTNESS]),
    ]
    outputs = [
        helper.make_tensor_value_info(probability, TensorProto.FLOAT, (shape[0], 1, *shape[2:])),
        helper.make_tensor_value_info(presence, TensorProto.FLOAT, (shape[0], 1)),
    ]
    if embedding:
        nodes += [
            helper.make_node("ReduceMean", ["grey", "all axes"], ["flat"], keepdims=1),
            helper.make_node("Flatten", ["flat"], ["embedding"]),
        ]
        outputs.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, (shape[0], 1)))
    return helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info(image, image_type, shape)],
        outputs,
        constants,
    )


def not_a_number_graph() -> onnx.GraphProto:
    """A graph that loads, and whose probabilities are no numbers."""
    graph = make_graph()
    (softness,) = (constant for constant in graph.initializer if constant.name == "softness")
    softness.CopyFrom(helper.make_tensor("softness", TensorProto.FLOAT, [1], [float("nan")]))
    return graph


def failing_graph() -> onnx.GraphProto:
    """A graph that loads, and fails when it is run: it looks for as many numbers in a list as there are images."""
    graph = make_graph(names=("image", "unshifted"))
    graph.node.extend(
        [
            helper.make_node("Shape", ["image"], ["images"], start=0, end=1),
            helper.make_node("Gather", ["softness", "images"], ["shift"]),
            helper.make_node("Add", ["unshifted", "shift"], ["probability"]),
        ]
    )
    graph.output[0].name = "probability"
    return graph


def heavy_graph(layers: int = 18, width: int = 512) -> onnx.GraphProto:
    """A graph of about 17 MB that answers as `make_graph` does: what goes through its weights, all 0, is added."""
    graph = make_graph(names=("image", "light"))
    graph.node.append(helper.make_node("ReduceMean", ["light", "all axes"], ["hidden 0"], keepdims=1))
    for layer, (rows, columns) in enumerate(pairwise([1, *[width] * layers, 1])):
        weights = np.zeros((rows, columns), np.float32)
        graph.initializer.append(numpy_helper.from_array(weights, f"weights {layer}"))
        names = [f"hidden {layer}", f"weights {layer}"], [f"hidden {layer + 1}"]
        graph.node.append(helper.make_node("MatMul", *names))
    graph.node.append(helper.make_node("Add", ["light", f"hidden {layers + 1}"], ["probability"]))
    graph.output[0].name = "probability"
    return graph


def bright_image(height: int, width: int, box: tuple[int, int, int, int], bright: int = 220) -> np.ndarray:
    """Return a dark uint8 image `[height, width]` with a bright rectangle (x0, y0, x1, y1)."""
    image = np.full((height, width), 30, dtype=np.uint8)
    x0, y0, x1, y1 = box
    image[y0:y1, x0:x1] = bright
    return image


CONTRACT_JSON = make_contract().to_json()


def write_model(path: Path, contract_json: str | None = CONTRACT_JSON, graph: onnx.GraphProto | None = None) -> Path:
    """Write the graph with this text as its contract; `None` leaves the contract out."""
    model = helper.make_model(graph or make_graph(), opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    if contract_json is not None:
        helper.set_model_props(model, {METADATA_KEY: contract_json})
    path.write_bytes(model.SerializeToString())
    return path
