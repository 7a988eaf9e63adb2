from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from breastseg.inference.contract import ContractError
from breastseg.inference.segmenter import Segmenter
from breastseg.inference.session import ModelFileError
from breastseg.serving.app import create_app
from breastseg.serving.settings import Settings
from tests.onnx_models import write_model
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI


def test_no_application_without_a_usable_model(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError):
        create_app(Settings(model=tmp_path / "gone.onnx"))
    with pytest.raises(ContractError, match="no contract"):
        create_app(Settings(model=write_model(tmp_path / "m.onnx", contract_json=None)))


def test_the_session_is_built_once(app: FastAPI, image_png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_again(*_args: object) -> None:
        raise AssertionError("a second session")

    monkeypatch.setattr(Segmenter, "load", load_again)
    with TestClient(app) as client:
        wait_until(lambda: client.get("/health/ready").status_code == 200)
        for _ in range(3):
            assert client.post("/v1/segment", files={"file": image_png}).status_code == 200


def test_a_failed_warm_up_is_logged_and_leaves_it_unready(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object) -> None:
        raise MemoryError("none left")

    monkeypatch.setattr(Segmenter, "segment", fail)
    with caplog.at_level(logging.CRITICAL), TestClient(app) as client:
        wait_until(lambda: client.get("/health/ready").status_code == 503 and caplog.records)
        answer = client.get("/health/ready")
        assert answer.status_code == 503
        assert "cannot be computed; the service's log says why" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) >= 60
        assert client.get("/health/live").status_code == 200
    assert "unready" in caplog.text
    assert "none left" in caplog.text
