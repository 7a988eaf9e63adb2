from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from breastseg.inference.session import ModelFileError, open_session
from tests.onnx_models import write_model

if TYPE_CHECKING:
    from pathlib import Path


def test_it_computes_on_the_cpu_with_the_threads_asked_for(model_path: Path) -> None:
    session = open_session(model_path, threads=1)
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.get_session_options().intra_op_num_threads == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone\.onnx: there is no such model file"):
        open_session(tmp_path / "gone.onnx", threads=1)


@pytest.mark.parametrize("content", [b"", b"no graph at all", b"\x08"])
def test_a_file_that_is_no_graph_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"broken\.onnx: ONNX Runtime cannot run it"):
        open_session(path, threads=1)


def test_a_cut_off_file_is_named(tmp_path: Path) -> None:
    path = write_model(tmp_path / "whole.onnx")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match=r"whole\.onnx"):
        open_session(path, threads=1)


def test_no_telemetry_and_no_noise(model_path: Path, tmp_path: Path) -> None:
    """With telemetry on, the import alone leaves a device id below the home folder."""
    program = (
        "import sys, pathlib; from breastseg.inference.session import open_session;"
        "open_session(pathlib.Path(sys.argv[1]), 1)"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")}
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program, model_path],
        env={**environment, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout + done.stderr == ""
    assert not (tmp_path / "home").exists()


def test_int8_weights_are_multiplied_in_float32(tmp_path: Path) -> None:
    """ONNX Runtime's own way would round the image to int8 too, and be off by a hundred times as much."""
    rng = np.random.default_rng(0)
    weight, image = rng.integers(-127, 128, (256, 64), np.int8), rng.normal(size=(3, 256)).astype(np.float32)
    scale = np.linspace(0.001, 0.01, 64, dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["int8", "scale"], ["weight"], axis=1),
            helper.make_node("MatMul", ["image", "weight"], ["answer"]),
        ],
        "int8",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 256])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["N", 64])],
        [numpy_helper.from_array(weight, "int8"), numpy_helper.from_array(scale, "scale")],
    )
    path = tmp_path / "int8.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    (found,) = open_session(path, threads=1).run(None, {"image": image})
    exact = image.astype(np.float64) @ (weight * scale.astype(np.float64))
    assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()
