"""Large weights are stored as int8 per output channel, everything else as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto, helper, numpy_helper

from breastseg.export.quantization import MIN_VALUES, quantize, quantize_weights
from breastseg.inference.session import open_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from breastseg.evaluation.arrays import Float32s

RNG = np.random.default_rng(0)


def make_weight(*shape: int) -> Float32s:
    return RNG.normal(size=shape).astype(np.float32)


def make_model(
    nodes: Sequence[onnx.NodeProto], weights: Mapping[str, np.ndarray], image: Sequence[int | str]
) -> onnx.ModelProto:
    """A model from `image` to what its last node gives."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, image)],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, [None] * len(image))],
        [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def restored(model: onnx.ModelProto) -> dict[str, int]:
    """The weights that are restored from int8, with the axis of their scales."""
    nodes = [node for node in model.graph.node if node.op_type == "DequantizeLinear"]
    return {node.output[0]: helper.get_node_attr_value(node, "axis") for node in nodes}


def run(model: onnx.ModelProto, image: Float32s, path: Path) -> np.ndarray:
    path.write_bytes(model.SerializeToString())
    session = open_session(path, threads=1)
    found: np.ndarray = session.run(None, {"image": image})[0]
    return found


LAYERS = {
    "Conv": (helper.make_node("Conv", ["image", "w"], ["out"]), (96, 8, 3, 3), (1, 8, 12, 12), 0),
    "depthwise Conv": (helper.make_node("Conv", ["image", "w"], ["out"], group=512), (512, 1, 3, 3), (1, 512, 6, 6), 0),
    "ConvTranspose": (helper.make_node("ConvTranspose", ["image", "w"], ["out"]), (64, 32, 2, 2), (1, 64, 6, 6), 1),
    "MatMul": (helper.make_node("MatMul", ["image", "w"], ["out"]), (64, 96), (2, 5, 64), 1),
    "Gemm": (helper.make_node("Gemm", ["image", "w"], ["out"]), (64, 96), (5, 64), 1),
    "transposed Gemm": (helper.make_node("Gemm", ["image", "w"], ["out"], transB=1), (96, 64), (5, 64), 0),
}


@pytest.mark.parametrize("name", LAYERS)
def test_each_output_channel_has_a_scale_of_its_own(name: str, tmp_path: Path) -> None:
    node, shape, image_shape, axis = LAYERS[name]
    weight = make_weight(*shape)
    # one large output channel must not cost the others their digits
    np.moveaxis(weight, axis, 0)[3] *= 1000
    model, image = make_model([node], {"w": weight}, image_shape), make_weight(*image_shape)
    quantized = quantize_weights(model)
    onnx.checker.check_model(quantized, full_check=True)
    assert restored(quantized) == {"w": axis}
    # of a depthwise kernel, the scales are a third of what is left
    assert quantized.ByteSize() < 0.4 * model.ByteSize()
    exact, found = run(model, image, tmp_path / "exact.onnx"), run(quantized, image, tmp_path / "int8.onnx")
    channels = 1 if "Conv" in name else -1
    assert found == pytest.approx(exact, abs=0.05 * np.abs(exact).max())
    exact, found = (np.delete(np.moveaxis(values, channels, 0), 3, axis=0) for values in (exact, found))
    assert found == pytest.approx(exact, abs=0.02 * np.abs(exact).max())


def test_a_transposed_matrix_has_the_scales_of_its_outputs(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Transpose", ["w"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["image", "turned"], ["out"]),
    ]
    model = make_model(nodes, {"w": make_weight(96, 64)}, (5, 64))
    quantized = quantize_weights(model)
    assert restored(quantized) == {"w": 0}
    image = make_weight(5, 64)
    assert run(quantized, image, tmp_path / "int8.onnx") == pytest.approx(
        run(model, image, tmp_path / "exact.onnx"), abs=0.2
    )


def with_bad_value(value: float) -> Float32s:
    weight = make_weight(64, 96)
    weight[1, 1] = value
    return weight


@pytest.mark.parametrize(
    ("nodes", "weight"),
    [
        ([helper.make_node("MatMul", ["image", "w"], ["out"])], make_weight(64, MIN_VALUES // 64 - 1)),
        ([helper.make_node("MatMul", ["image", "w"], ["out"])], with_bad_value(np.nan)),
        ([helper.make_node("MatMul", ["image", "w"], ["out"])], with_bad_value(np.inf)),
        ([helper.make_node("MatMul", ["image", "w"], ["out"])], make_weight(2, 64, 64)),
        ([helper.make_node("Add", ["image", "w"], ["out"])], make_weight(64, 64)),
        (
            [
                helper.make_node("Transpose", ["w"], ["turned"]),
                helper.make_node("MatMul", ["image", "w"], ["once"]),
                helper.make_node("MatMul", ["once", "turned"], ["out"]),
            ],
            make_weight(64, 64),
        ),
    ],
    ids=["small", "NaN", "infinite", "a stack of matrices", "an offset", "outputs along both axes"],
)
def test_other_weights_stay_as_they_are(nodes: list[onnx.NodeProto], weight: Float32s) -> None:
    model = make_model(nodes, {"w": weight}, (64, 64))
    assert quantize_weights(model) == model


def test_the_same_model_gives_the_same_bytes_and_is_left_alone() -> None:
    nodes = [helper.make_node("MatMul", ["image", "a"], ["b"]), helper.make_node("MatMul", ["b", "c"], ["out"])]
    model = make_model(nodes, {"a": make_weight(64, 96), "c": make_weight(96, 64)}, (5, 64))
    before = model.SerializeToString(deterministic=True)
    first, second = (quantize_weights(model).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second
    assert model.SerializeToString(deterministic=True) == before


finite = st.floats(-(2.0**60), 2.0**60, width=32)


@given(weight=arrays(np.float32, (5, 7), elements=finite), axis=st.integers(0, 1))
def test_a_weight_is_off_by_at_most_half_a_step(weight: Float32s, axis: int) -> None:
    values, scale = quantize(weight, axis)
    assert (values.dtype, scale.dtype) == (np.dtype(np.int8), np.dtype(np.float32))
    assert values.shape == weight.shape
    assert values.min() >= -127
    steps = np.expand_dims(scale, 1 - axis).astype(np.float64)
    assert (np.abs(values * steps - weight) <= steps * 0.5001).all()
    largest = np.abs(weight).max(axis=1 - axis)
    assert scale[largest > 1e-30] == pytest.approx(largest[largest > 1e-30] / 127)


def test_a_channel_of_zeros_stays_one() -> None:
    weight = make_weight(4, 6)
    weight[2] = 0
    values, scale = quantize(weight, 0)
    assert not values[2].any()
    assert np.isfinite(scale).all()
