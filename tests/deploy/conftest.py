"""A real server that has seen images unlike its reference, and what it tells Prometheus."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.monitoring.profiles import make_profile
from tests.onnx_models import make_contract, make_graph, write_model
from tests.service.conftest import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from tests.service.conftest import Server

# above the 50 that the alerts ask for
IMAGES = 60


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def _typical() -> npt.NDArray[np.uint8]:
    image = np.full((140, 150), 40, np.uint8)
    image[20:60, 30:80] = 160
    return image


BRIGHT_PNG = _png(np.full((40, 50), 200, np.uint8))
"""Far brighter than the reference, and all of it a lesion for the model."""
TYPICAL_PNG = _png(_typical())
"""As bright as the reference, with a lesion."""


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    contract = make_contract(reference_profile=make_profile(1, embedding_scale=100.0))
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    return write_model(path, contract.to_json(), make_graph(embedding=True))


@pytest.fixture(scope="session")
def server(model_path: Path) -> Iterator[Server]:
    with running_server(model_path) as server:
        for image in (TYPICAL_PNG, *[BRIGHT_PNG] * (IMAGES - 1)):
            assert server.post("/v1/segment", files={"file": image}).status_code == 200
        yield server


@pytest.fixture(scope="session")
def exposed(server: Server) -> str:
    """The text of `/metrics` after some traffic."""
    return server.get("/metrics").text
