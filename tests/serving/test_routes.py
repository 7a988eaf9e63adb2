from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from breastseg.inference.contract import Contract
from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from breastseg.serving.app import create_app
from breastseg.serving.schemas import ModelAnswer
from breastseg.serving.settings import Settings
from tests.monitoring.profiles import make_profile
from tests.onnx_models import FAILED_GATE, make_contract, make_graph, write_model
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
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
    told = {"expected_dice", "image", "lesions", "model", "notice", "out_of_distribution", "quality", "request_id"}
    assert set(body) == {*told, "novelty", "presence", "timings_ms"}
    assert body["presence"] == 1
    assert body["quality"] == ["small_image"]
    # the model carries no profile
    assert [body[name] for name in ("expected_dice", "novelty", "out_of_distribution")] == [None] * 3
    assert 0 < body["timings_ms"]["model"] < body["timings_ms"]["total"]
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


def test_a_model_with_a_profile_says_how_usual_the_image_is(tmp_path: Path, image_png: bytes) -> None:
    contract = make_contract(reference_profile=make_profile(1, embedding_scale=100.0)).to_json()
    model = write_model(tmp_path / "model.onnx", contract, make_graph(embedding=True))
    file = io.BytesIO()
    Image.fromarray(np.full((90, 120), 250, np.uint8)).save(file, "PNG")
    with TestClient(create_app(Settings(model=model))) as client:
        wait_until(lambda: client.get("/health/ready").status_code == 200)
        usual, unusual = (
            client.post("/v1/segment", files={"file": data}).json() for data in (image_png, file.getvalue())
        )
    assert (usual["out_of_distribution"], unusual["out_of_distribution"]) == (False, True)
    assert usual["novelty"] < 3 < unusual["novelty"]
    assert usual["expected_dice"] > 0.9


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
        ("image/png; q=0", False),
        ("application/json, image/png", False),
        ("*/*", False),
        ("", False),
        ("text/html", False),
        # RFC 9110, 12.5.1: the most specific range counts, and its weight decides
        ("image/*", True),
        ("image/*;q=0.5, */*;q=0.1", True),
        ("image/*, image/png;q=0", False),
        ("application/json;q=0.5, image/png", True),
        ("application/json, image/png;q=0.9", False),
        ("application/*;q=0.2, image/png ; q=0.3", True),
        ("image/avif,image/webp,image/*,*/*;q=0.8", True),
        ("image/png;q=2, application/json", False),
        ("image/png;q=high", False),
        ("image/png; charset=x; q=0.1, application/json;q=0.2", False),
        # a range with parameters is of types with parameters only; what stands behind the weight is none
        ("image/png; charset=x", False),
        ("image/png;q=0.5;ext=1, application/json;q=0.4", True),
        ('text/html;a="b, image/png", application/json', False),
        ('text/html;a=";q=0, image/png;b", image/png, application/json;q=0.5', True),
    ],
)
def test_who_prefers_png_gets_it(
    client: TestClient,
    image_png: bytes,
    accept: str,
    is_png: bool,  # noqa: FBT001 - a column of the table
) -> None:
    answer = client.post("/v1/segment", files={"file": image_png}, headers={"Accept": accept})
    assert answer.headers["content-type"] == ("image/png" if is_png else "application/json")


@pytest.mark.parametrize(
    ("accepts", "is_png"),
    [
        (["text/html", "image/png"], True),
        (["image/png;q=0.5", "application/json"], False),
        (["application/json;q=0.1", "image/*"], True),
    ],
)
def test_several_accept_headers_are_one_list(
    client: TestClient,
    image_png: bytes,
    accepts: list[str],
    is_png: bool,  # noqa: FBT001 - a column of the table
) -> None:
    headers = httpx2.Headers([("Accept", accept) for accept in accepts])
    answer = client.post("/v1/segment", files={"file": image_png}, headers=headers)
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


@pytest.mark.parametrize(
    "contract", [make_contract(gate=FAILED_GATE), make_contract(schema_version=2, gate=None)], ids=["failed", "unknown"]
)
def test_the_model_shows_how_it_did_at_its_gate(
    tmp_path: Path, client_with: Callable[..., TestClient], contract: Contract
) -> None:
    body = client_with(model=write_model(tmp_path / "m.onnx", contract.to_json())).get("/v1/model").json()
    assert body["contract"]["gate"] == (contract.gate and contract.gate.model_dump(mode="json"))
    assert body["contract_sha256"] == contract.sha256
    # as the client reads it
    assert ModelAnswer.model_validate(body).contract == contract


def test_the_description_names_every_error_and_the_use(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert "Research use only" in described["info"]["description"]
    responses = described["paths"]["/v1/segment"]["post"]["responses"]
    assert set(responses) == {"200", "400", "401", "408", "413", "415", "422", "429", "503", "504"}
    assert set(responses["200"]["content"]) == {"application/json", "image/png"}
    for status in ("400", "413", "415", "422", "503", "504"):
        assert set(responses[status]["content"]) == {"application/problem+json"}


def test_an_unready_service_says_so_and_is_alive(app: FastAPI, image_png: bytes) -> None:
    client = TestClient(app)  # outside `with`: nothing has been started yet
    assert client.get("/health/live").json() == {"status": "live"}
    for answer in (client.get("/health/ready"), client.post("/v1/segment", files={"file": image_png})):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["type"] == "urn:breastseg:problem:not-ready"


def test_a_started_service_becomes_ready(client: TestClient) -> None:
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_load_balancers_may_ask_by_head(app: FastAPI, client: TestClient) -> None:
    assert client.head("/health/live").status_code == 200
    assert client.head("/health/ready").status_code == 200
    app.state.service.ready = False
    assert client.head("/health/ready").status_code == 503
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths["/health/live"]) == set(paths["/health/ready"]) == {"get"}


def test_pictures_come_on_request_and_lie_over_the_image(
    client: TestClient, model_path: Path, image_png: bytes
) -> None:
    image = decode_image(image_png)
    expected = Segmenter.load(model_path).segment(image)
    body = client.post("/v1/segment?include=probability,overlay", files={"file": image_png}).json()
    assert "mask" not in body
    assert np.abs(to_mask(base64.b64decode(body["probability"])) - 255 * expected.probability).max() <= 0.5
    with Image.open(io.BytesIO(base64.b64decode(body["overlay"]))) as overlay:
        drawn = np.asarray(overlay.convert("RGB")).astype(int)
    changed = (drawn != image[..., None]).any(axis=2)
    assert drawn.shape == (90, 120, 3)
    assert 0 < changed.mean() < 0.1
    assert (np.ptp(drawn[changed], axis=1) > 0).all()


@pytest.mark.parametrize("include", ["masks", "mask,", "mask;overlay", "MASK"])
def test_unknown_pictures_are_refused(client: TestClient, image_png: bytes, include: str) -> None:
    answer = client.post("/v1/segment", params={"include": include}, files={"file": image_png})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:breastseg:problem:invalid-request"


def test_a_batch_has_an_answer_or_a_problem_for_each_file_in_order(client: TestClient, image_png: bytes) -> None:
    files = [("files", image_png), ("files", b"hello"), ("files", image_png)]
    results = client.post("/v1/segment/batch?include=mask", files=files).json()["results"]
    assert [entry["index"] for entry in results] == [0, 1, 2]
    assert ["answer" in entry for entry in results] == [True, False, True]
    assert results[1]["problem"]["type"] == "urn:breastseg:problem:unreadable-image"
    single = client.post("/v1/segment?include=mask", files={"file": image_png}).json()
    for name in ("lesions", "mask", "model"):
        assert results[0]["answer"][name] == single[name]


def test_a_text_in_a_batch_is_a_problem_of_its_own(client: TestClient, image_png: bytes) -> None:
    files = [("files", (None, b"hello")), ("files", ("a.png", image_png))]
    text, image = client.post("/v1/segment/batch", files=files).json()["results"]
    assert (text["index"], text["problem"]["type"]) == (0, "urn:breastseg:problem:invalid-request")
    assert text["problem"]["detail"] == "body.files: Field holds no file; give it a file name"
    assert image["answer"]["lesions"]


def test_a_batch_of_too_many_files_is_refused(client: TestClient, image_png: bytes) -> None:
    answer = client.post("/v1/segment/batch", files=[("files", image_png)] * 33)
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:breastseg:problem:too-many-files"


def test_a_model_is_loaded_anew_or_refused(tmp_path: Path) -> None:
    model_path, key = write_model(tmp_path / "m.onnx"), {"Authorization": "Bearer 0123456789abcdef"}
    app = create_app(Settings.model_validate({"model": model_path, "api_keys": "0123456789abcdef"}))
    with TestClient(app, headers=key) as client:
        assert client.post("/admin/reload").json()["contract"]["network"] == make_contract().network
        model_path.write_bytes(b"broken")
        answer = client.post("/admin/reload")
        assert client.get("/v1/model").status_code == 200
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:breastseg:problem:model-refused"
    assert str(model_path) not in answer.text


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("segment?includ=mask", "query.includ: No such parameter here"),
        ("segment?include=mask&include=overlay", "query.include: Given more than once"),
        ("segment?frame=1&frame=2", "query.frame: Given more than once"),
        ("segment?include=faces", "query.include: takes mask, probability, overlay, with commas between"),
        ("segment?frame=", "query.frame: "),
        ("segment/batch?frame=2", "query.frame: No such parameter here"),
    ],
)
def test_nothing_that_is_asked_for_is_passed_over(client: TestClient, image_png: bytes, path: str, detail: str) -> None:
    answer = client.post(f"/v1/{path}", files={"files" if "batch" in path else "file": image_png})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:breastseg:problem:invalid-request"
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "other", "detail"),
    [
        ("segment", ("include", (None, "mask")), "body.include: Put it in the query"),
        ("segment", ("frame", (None, "2")), "body.frame: Put it in the query"),
        ("segment", ("second", b"an image"), "body.second: No such field here; the form holds `file` only"),
        ("segment", ("files", b"an image"), "body.files: No such field here; the form holds `file` only"),
        ("segment/batch", ("include", (None, "mask")), "body.include: Put it in the query"),
        ("segment/batch", ("file", b"an image"), "body.file: No such field here; the form holds `files` only"),
    ],
)
def test_no_field_of_the_form_is_passed_over(
    client: TestClient, image_png: bytes, path: str, other: tuple[str, bytes], detail: str
) -> None:
    answer = client.post(f"/v1/{path}", files=[("files" if "batch" in path else "file", image_png), other])
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:breastseg:problem:invalid-request")
    assert answer.json()["detail"] == detail


def test_each_fault_of_a_form_is_told_at_once(client: TestClient, image_png: bytes) -> None:
    answer = client.post("/v1/segment", files={"image": image_png}, data={"include": "mask"})
    assert answer.json()["detail"] == (
        "body.file: Field required; body.image: No such field here; the form holds `file` only; "
        "body.include: Put it in the query"
    )


def test_a_field_whose_name_no_answer_can_hold_is_refused_alike(client: TestClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="+2AA-"; filename="a"\r\n\r\n\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x; charset=utf-7"}
    answer = client.post("/v1/segment", content=body, headers=headers)
    assert answer.status_code == 422
    assert "body.\\ud800: No such field here" in answer.json()["detail"]


def test_pictures_beside_the_mask_itself_are_refused(client: TestClient, image_png: bytes) -> None:
    def ask(include: str, accept: str) -> httpx2.Response:
        query, headers = {"include": include}, {"Accept": accept}
        return client.post("/v1/segment", params=query, files={"file": image_png}, headers=headers)

    refused = ask("probability", "image/png")
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:breastseg:problem:invalid-request")
    assert "query.include" in refused.json()["detail"]
    assert "accept application/json" in refused.json()["detail"]
    assert ask("", "image/png").headers["content-type"] == "image/png"
    assert ask("probability", "image/png, application/json").json()["probability"]


def test_the_description_knows_of_no_other_field(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path, field in (("/v1/segment", "file"), ("/v1/segment/batch", "files")):
        form = paths[path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert (set(form["properties"]), form["additionalProperties"]) == ({field}, False)


def test_of_two_images_none_is_passed_over(client: TestClient, image_png: bytes) -> None:
    answer = client.post("/v1/segment", files=[("file", image_png), ("file", image_png)])
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:breastseg:problem:too-many-files")
    assert "at most 1 file" in answer.json()["detail"]


def test_pictures_count_in_the_timings(client: TestClient, image_png: bytes) -> None:
    timings = client.post("/v1/segment?include=overlay", files={"file": image_png}).json()["timings_ms"]
    parts = sum(timings[name] for name in ("queue", "decode", "model", "encode"))
    assert timings["encode"] > 0
    assert timings["total"] == pytest.approx(parts, abs=0.01)


def test_a_path_with_a_slash_too_many_is_unknown_and_leads_nowhere_else(client: TestClient) -> None:
    answer = client.post("/v1/segment/", follow_redirects=False)
    assert (answer.status_code, answer.json()["type"]) == (404, "about:blank")
