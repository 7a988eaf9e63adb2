from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

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
