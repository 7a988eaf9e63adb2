"""The application over the tiny model, and an image for it."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from breastseg.serving.app import create_app
from breastseg.serving.settings import Settings
from tests.onnx_models import bright_image, write_model
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI

MAX_UPLOAD_BYTES = 100_000
MAX_PIXELS = 90 * 120


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "model.onnx")


@pytest.fixture
def app(model_path: Path) -> FastAPI:
    return create_app(Settings(model=model_path, max_upload_bytes=MAX_UPLOAD_BYTES, max_pixels=MAX_PIXELS))


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the application once it is ready."""
    with TestClient(app, raise_server_exceptions=False) as client:
        wait_until(lambda: client.get("/health/ready").status_code == 200)
        yield client


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting comes from the environment that the tests run in."""
    for name in [name for name in os.environ if name.startswith("BREASTSEG_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def client_with(model_path: Path) -> Callable[..., TestClient]:
    """Build a client of an application with these settings; it has not started, so no image is answered."""
    return lambda **settings: TestClient(
        create_app(Settings.model_validate({"model": model_path, **settings})), raise_server_exceptions=False
    )


@pytest.fixture(scope="session")
def image_png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(bright_image(90, 120, (30, 20, 80, 60))).save(file, "PNG")
    return file.getvalue()
