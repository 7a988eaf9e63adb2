"""Weight-only int8 quantization of an ONNX graph: per output channel, symmetric."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    Float32s = npt.NDArray[np.float32]
    Consumers = Mapping[str, Sequence[tuple[onnx.NodeProto, int]]]

Message = TypeVar("Message", TensorProto, onnx.NodeProto)

MIN_VALUES = 4096
"""Smallest number of values of a tensor that is quantized: smaller ones would save nothing that is worth an error."""

# symmetric: -128 is left out, so that no zero point is needed
_LARGEST = 127
_QUANTIZED, _SCALE = ".int8", ".scale"


def quantize_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of the model whose large weights are stored as int8; activations stay float32.

    Quantized is what `DequantizeLinear` can give back channel by channel: kernels of `Conv` and `ConvTranspose`, and
    2-D matrices that a `MatMul` or `Gemm` multiplies by, directly or through a `Transpose`, of at least `MIN_VALUES`
    values. Each output channel has its own float32 scale, `max |weight| / 127`, and no zero point; a weight is off by
    at most half its channel's scale. The result has the name of the weight, so that no other node changes. Everything
    else, and weights that are not finite, stays as it is. The same model gives the same bytes.

    Source: Krishnamoorthi 2018, https://arxiv.org/abs/1806.08342, sections 2.2 and 3.1.

    Args:
        model: Of opset 13 or later, weights inside.
    """
    quantized = onnx.ModelProto()
    quantized.CopyFrom(model)
    graph = quantized.graph
    consumers = _consumers(graph.node)
    kept: list[TensorProto] = []
    nodes: list[onnx.NodeProto] = []
    for tensor in graph.initializer:
        axis, weight = _output_axis(tensor, consumers), numpy_helper.to_array(tensor)
        if axis is None or not np.isfinite(weight).all():
            kept.append(tensor)
            continue
        values, scale = quantize(weight, axis)
        names = [tensor.name + _QUANTIZED, tensor.name + _SCALE]
        kept += [numpy_helper.from_array(values, names[0]), numpy_helper.from_array(scale, names[1])]
        nodes.append(helper.make_node("DequantizeLinear", names, [tensor.name], axis=axis))
    nodes += graph.node
    # slices of the copied lists are copies of their own: a field cannot be replaced by parts of itself
    initializers, ordered = [_copy(tensor) for tensor in kept], [_copy(node) for node in nodes]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(initializers)
    graph.node.extend(ordered)
    return quantized


def quantize(weight: Float32s, axis: int) -> tuple[npt.NDArray[np.int8], Float32s]:
    """Round a weight to int8 with one scale per channel.

    Args:
        weight: Finite float32 of any shape.
        axis: Of the output channels.

    Returns:
        int8 values of the same shape, -127..127, and float32 scales `[channels]`; their product is nearest to `weight`.
    """
    channels_last = np.moveaxis(weight, axis, -1)
    largest = np.abs(channels_last).max(axis=tuple(range(weight.ndim - 1)))
    scale = (largest / _LARGEST).astype(np.float32)
    # a channel of zeros, or of values too small for float32 to divide
    scale[scale == 0] = 1
    values = np.rint(channels_last / scale).clip(-_LARGEST, _LARGEST).astype(np.int8)
    return np.ascontiguousarray(np.moveaxis(values, -1, axis)), scale


def _copy(message: Message) -> Message:
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


def _consumers(nodes: Iterable[onnx.NodeProto]) -> Consumers:
    """Which nodes take a value, and as which of their inputs."""
    found: dict[str, list[tuple[onnx.NodeProto, int]]] = defaultdict(list)
    for node in nodes:
        for index, name in enumerate(node.input):
            found[name].append((node, index))
    return found


def _output_axis(tensor: TensorProto, consumers: Consumers) -> int | None:
    """Return the axis of a weight's output channels; None for what is not quantized."""
    if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < MIN_VALUES:
        return None
    return _axis_for_all(tensor.name, len(tensor.dims), consumers)


def _axis_for_all(name: str, rank: int, consumers: Consumers) -> int | None:
    """Return the axis that all consumers of a value agree on."""
    axes = {_axis_for(node, index, rank, consumers) for node, index in consumers[name]}
    return axes.pop() if len(axes) == 1 else None


def _axis_for(node: onnx.NodeProto, index: int, rank: int, consumers: Consumers) -> int | None:
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    match node.op_type, index, rank:
        case "Conv", 1, _:
            return 0
        case "ConvTranspose", 1, _:
            return 1
        case "MatMul", 1, 2:
            return 1
        case "Gemm", 1, 2:
            return 0 if attributes.get("transB") else 1
        case "Transpose", 0, 2:
            axis = _axis_for_all(node.output[0], rank, consumers)
            return None if axis is None else int(attributes.get("perm", [1, 0])[axis])
        case _:
            return None
