"""The exported model that these tests answer with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.onnx_models import write_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "model.onnx")
