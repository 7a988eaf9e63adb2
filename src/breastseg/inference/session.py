"""Opens ONNX Runtime sessions the way this project wants them; nothing else here imports ONNX Runtime."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError

# Without it the import alone writes a device id below the home folder and sends an event; the runtime's own switch,
# disable_telemetry_events(), comes too late for both.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

_ONLY_ERRORS = 3
_UNUSABLE = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class ModelFileError(BreastsegError):
    """The model file is missing, or ONNX Runtime cannot read it."""


class Stop:
    """Ends a run of a session from another thread: the run raises `StoppedError` soon after."""

    def __init__(self) -> None:
        self._options = ort.RunOptions()

    def __call__(self) -> None:
        """Ask for the end; a run that has not begun ends as it begins."""
        self._options.terminate = True

    def check(self) -> None:
        """Leave if the end was asked for.

        Raises:
            StoppedError: It was.
        """
        if self._options.terminate:
            raise StoppedError

    def run(self, session: ort.InferenceSession, outputs: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Run the session.

        Raises:
            StoppedError: It was asked to end.
            ModelFileError: The graph cannot be computed.
        """
        try:
            found: list[np.ndarray] = session.run(outputs, inputs, self._options)
        except _UNUSABLE as error:
            self.check()
            raise ModelFileError(f"ONNX Runtime cannot compute the model ({error}). Export it again") from error
        return found


class StoppedError(Exception):
    """A run was ended on request, before it had an answer."""


def open_session(path: Path, threads: int) -> ort.InferenceSession:
    """Open an ONNX file on the CPU.

    Args:
        path: The ONNX file.
        threads: Threads that one run computes with, at least 1.

    Raises:
        ModelFileError: There is no such file, or it is no graph that ONNX Runtime can run.
    """
    if not path.is_file():
        raise ModelFileError(f"{path}: there is no such model file. Make one with `dvc repro export_onnx`")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_ERRORS
    # int8 weights become float32 once, when the file is opened; otherwise, ONNX Runtime would keep them, convert those
    # of convolutions in every run, and also round the activations of matrix products to int8
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _UNUSABLE as error:
        raise ModelFileError(f"{path}: ONNX Runtime cannot run it ({error}). Export the model again") from error
