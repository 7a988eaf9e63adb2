from __future__ import annotations

import io
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.serving.conftest import MAX_PIXELS, MAX_UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}


def assert_problem(answer: httpx2.Response, status: int, type_: str, detail: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "request_id"}
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["type"] == type_
    assert body["status"] == status
    assert detail in body["detail"]
    assert "/" not in body["detail"].replace("multipart/form-data", "")


@pytest.mark.parametrize("content", [b"hello", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_what_is_no_image(client: TestClient, content: bytes) -> None:
    answer = client.post("/v1/segment", files={"file": ("a.png", content, "image/png")})
    assert_problem(answer, 422, "urn:breastseg:problem:unreadable-image", "The file ")


def test_an_empty_file(client: TestClient, image_png: bytes) -> None:
    answer = client.post("/v1/segment", files={"file": ("a.png", b"")})
    assert_problem(answer, 422, "urn:breastseg:problem:unreadable-image", "The file is empty. ")
    assert "Send it again" in answer.json()["detail"]
    files = [("files", ("a.png", b"")), ("files", ("b.png", image_png))]
    empty, whole = client.post("/v1/segment/batch", files=files).json()["results"]
    assert empty["problem"]["detail"] == answer.json()["detail"]
    assert whole["answer"]["lesions"]


def test_an_image_that_is_cut_off(client: TestClient, image_png: bytes) -> None:
    answer = client.post("/v1/segment", files={"file": image_png[: len(image_png) // 2]})
    assert_problem(answer, 422, "urn:breastseg:problem:unreadable-image", "damaged")


def test_a_form_without_the_file(client: TestClient, image_png: bytes) -> None:
    answer = client.post("/v1/segment", files={"image": image_png})
    assert_problem(answer, 422, "urn:breastseg:problem:invalid-request", "body.file: Field required")


def test_a_file_field_of_plain_text(client: TestClient) -> None:
    answer = client.post("/v1/segment", files={"file": (None, "hello")})
    assert_problem(answer, 422, "urn:breastseg:problem:invalid-request", "body.file: ")
    assert "UploadFile" not in answer.text
    assert "class" not in answer.text


@pytest.mark.parametrize("accept", ["image/png", "application/json"])
def test_an_image_of_too_many_pixels_is_refused_by_its_header(client: TestClient, accept: str) -> None:
    file = io.BytesIO()
    Image.new("L", (MAX_PIXELS + 1, 1)).save(file, "PNG")
    # without most of its body: a decoder that went beyond the header would call it damaged
    answer = client.post("/v1/segment", files={"file": file.getvalue()[:45]}, headers={"Accept": accept})
    assert_problem(answer, 413, "urn:breastseg:problem:too-many-pixels", f"more than {MAX_PIXELS:,}. Scale the")


def test_an_image_beyond_any_setting_is_refused_alike(client: TestClient) -> None:
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    answer = client.post("/v1/segment", files={"file": file.getvalue()})
    assert_problem(answer, 413, "urn:breastseg:problem:too-many-pixels", f"more than {MAX_PIXELS:,}")


def test_an_unknown_thing_to_include(client: TestClient, image_png: bytes) -> None:
    answer = client.post("/v1/segment?include=everything", files={"file": image_png})
    assert_problem(answer, 422, "urn:breastseg:problem:invalid-request", "query.include")


@pytest.mark.parametrize("content_type", ["application/json", "image/png", ""])
@pytest.mark.parametrize(("path", "field"), [("segment", "file"), ("segment/batch", "files")])
def test_what_is_no_form(client: TestClient, path: str, field: str, content_type: str) -> None:
    answer = client.post(f"/v1/{path}", content=b"{}", headers={"Content-Type": content_type})
    assert_problem(answer, 415, "urn:breastseg:problem:not-multipart", f"field `{field}`")


@pytest.mark.parametrize("headers", [MULTIPART, {"Content-Type": "multipart/form-data"}])
def test_a_form_that_cannot_be_parsed(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/v1/segment", content=b"no form", headers=headers)
    assert_problem(answer, 400, "urn:breastseg:problem:malformed-request", "well-formed")


def test_a_form_in_a_character_set_that_nobody_can_read(client: TestClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\r\n--x--\r\n'
    headers = {"Content-Type": MULTIPART["Content-Type"] + "; charset=undefined"}
    answer = client.post("/v1/segment", content=body, headers=headers)
    assert_problem(answer, 400, "urn:breastseg:problem:malformed-request", "send UTF-8")


def test_a_declared_length_beyond_the_cap(client: TestClient) -> None:
    answer = client.post("/v1/segment", files={"file": b"0" * MAX_UPLOAD_BYTES})
    assert_problem(answer, 413, "urn:breastseg:problem:too-large", str(MAX_UPLOAD_BYTES))


def test_an_undeclared_length_beyond_the_cap(client: TestClient) -> None:
    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(MAX_UPLOAD_BYTES // 1000 + 1):
            yield b"0" * 1000

    answer = client.post("/v1/segment", content=body(), headers=MULTIPART)
    assert_problem(answer, 413, "urn:breastseg:problem:too-large", str(MAX_UPLOAD_BYTES))


def test_unknown_paths_and_methods(client: TestClient) -> None:
    assert_problem(client.get("/v2/segment"), 404, "about:blank", "docs and openapi.json list every path")
    answer = client.get("/v1/segment")
    assert_problem(answer, 405, "about:blank", "The header Allow")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect"])
def test_the_frameworks_own_pages_are_off(client: TestClient, path: str) -> None:
    assert_problem(client.get(path), 404, "about:blank", "")


async def fail(*_args: object) -> None:
    raise RuntimeError("secret of the house")


def test_a_fault_of_the_program_is_not_told_to_clients(
    app: FastAPI, client: TestClient, image_png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    app.state.service = SimpleNamespace(ready=True, report=fail, close=lambda: None)
    with caplog.at_level(logging.CRITICAL):
        answer = client.post("/v1/segment", files={"file": image_png})
    assert_problem(answer, 500, "about:blank", "log")
    assert "secret" not in answer.text
