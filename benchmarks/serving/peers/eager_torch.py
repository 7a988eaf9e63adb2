"""FastAPI on torch itself, as most projects serve: the network is run eagerly, without an export."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, cast

import torch
from fastapi import FastAPI, File, Response

from benchmarks.serving.work import CHECKPOINT, MODEL, THREADS, work_of
from breastseg.export.graph import CalibratedProbability
from breastseg.inference.contract import read_contract
from breastseg.inference.segmenter import EMBEDDING, INPUT, OUTPUT, Segmenter
from breastseg.inference.session import open_session
from breastseg.models.registry import load

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime as ort


class EagerSession:
    """Runs a torch network where the segmenter has a session of ONNX Runtime."""

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network.eval()

    def get_outputs(self) -> list[SimpleNamespace]:
        """Name what `run` returns."""
        return [SimpleNamespace(name=OUTPUT), SimpleNamespace(name=EMBEDDING)]

    def run(self, _outputs: list[str], inputs: dict[str, np.ndarray], _options: object) -> list[np.ndarray]:
        """Images uint8 `[1, C, S, S]` to probabilities float32 `[1, 1, S, S]` and embeddings float32 `[1, D]`."""
        with torch.inference_mode():
            return [answer.numpy() for answer in self._network(torch.from_numpy(inputs[INPUT]))]


def eager_segmenter() -> Segmenter:
    """Return a segmenter with the contract of the ONNX file and the weights of the checkpoint."""
    torch.set_num_threads(int(os.environ[THREADS]))
    contract = read_contract(open_session(Path(os.environ[MODEL]), 1).get_modelmeta().custom_metadata_map)
    network = CalibratedProbability(load(Path(os.environ[CHECKPOINT]))[0], contract.operating_point.temperature)
    return Segmenter(cast("ort.InferenceSession", EagerSession(network)), contract)


app = FastAPI()
work = work_of(eager_segmenter())


@app.get("/ready")
def ready() -> None:
    """Answer once the model is loaded."""


@app.post("/segment")
def segment(file: Annotated[bytes, File()]) -> Response:
    """Report the lesions of an image, in one of the framework's threads."""
    return Response(work(file), media_type="application/json")
