from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from breastseg.inference.contract import Contract
from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from tests.onnx_models import make_contract

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI


def to_mask(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        assert image.mode == "L"
        return np.asarray(image)


def test_lesions_are_those_of_the_segmenter(client: TestClient, model_path: Path, image_png: bytes) -> None:
    expected = Segmenter.load(model_path).segment(decode_image(image_png))
    answer = client.post("/v1/segment", files={"file": image_png})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"lesions", "image", "model", "notice"}
    (lesion,) = body["lesions"]
    (true,) = expected.lesions
    assert lesion["box"] == list(true.box)
    assert lesion["polygon"] == true.polygon
    assert lesion["area_px"] == true.area_px
    assert lesion["area_share"] == pytest.approx(true.area_px / (90 * 120), abs=1e-6)
    assert lesion["confidence"] == pytest.approx(true.confidence, abs=1e-6)
    assert body["image"] == {"width": 120, "height": 90}
    assert body["notice"] == "Research use only. Not a medical device, not for diagnosis."
    contract = make_contract()
    assert body["model"] == {
        "name": contract.model_name,
        "version": contract.model_version,
        "contract_sha256": contract.sha256,
    }


def test_the_mask_comes_on_request_in_both_forms(client: TestClient, model_path: Path, image_png: bytes) -> None:
    expected = Segmenter.load(model_path).segment(decode_image(image_png)).mask * 255
    inside = client.post("/v1/segment?include=mask", files={"file": image_png}).json()["mask"]
    assert (to_mask(base64.b64decode(inside)) == expected).all()

    itself = client.post("/v1/segment", files={"file": image_png}, headers={"Accept": "image/png"})
    assert itself.headers["content-type"] == "image/png"
    assert (to_mask(itself.content) == expected).all()


@pytest.mark.parametrize(
    ("accept", "is_png"),
    [
        ("image/png", True),
        ("Image/PNG;q=0.9, text/html", True),
        ("application/json, image/png", False),
        ("*/*", False),
        ("image/*", False),
        ("", False),
    ],
)
def test_only_who_asks_for_png_by_name_gets_it(
    client: TestClient,
    image_png: bytes,
    accept: str,
    is_png: bool,  # noqa: FBT001 - a column of the table
) -> None:
    answer = client.post("/v1/segment", files={"file": image_png}, headers={"Accept": accept})
    assert answer.headers["content-type"] == ("image/png" if is_png else "application/json")


def test_the_model_shows_its_whole_contract(client: TestClient) -> None:
    body = client.get("/v1/model").json()
    contract = make_contract()
    assert Contract.model_validate_json(json.dumps(body["contract"])) == contract
    assert (body["name"], body["version"], body["contract_sha256"]) == (
        contract.model_name,
        contract.model_version,
        contract.sha256,
    )


def test_the_description_names_every_error_and_the_use(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert "Research use only" in described["info"]["description"]
    responses = described["paths"]["/v1/segment"]["post"]["responses"]
    assert set(responses) == {"200", "400", "401", "408", "413", "415", "422", "429", "503"}
    assert set(responses["200"]["content"]) == {"application/json", "image/png"}
    for status in ("400", "413", "415", "422", "503"):
        assert set(responses[status]["content"]) == {"application/problem+json"}


def test_an_unready_service_says_so_and_is_alive(app: FastAPI, image_png: bytes) -> None:
    client = TestClient(app)  # outside `with`: nothing has been started yet
    assert client.get("/health/live").json() == {"status": "live"}
    for answer in (client.get("/health/ready"), client.post("/v1/segment", files={"file": image_png})):
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:breastseg:problem:not-ready"


def test_a_started_service_becomes_ready(client: TestClient) -> None:
    assert client.get("/health/ready").json() == {"status": "ready"}
