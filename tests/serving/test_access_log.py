from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import anyio
import pytest
from fastapi.testclient import TestClient

from breastseg.serving.access_log import AccessLog
from breastseg.serving.dependencies import get_service
from breastseg.serving.json_logs import JsonFormatter
from tests.serving.conftest import MAX_UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from starlette.types import Message, Receive, Scope, Send

KEY = "anna-0123456789abcdef"
LOGGER = "breastseg.serving.access_log"


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    made = [json.loads(JsonFormatter().format(record)) for record in caplog.records if record.name == LOGGER]
    caplog.clear()
    return made


def test_a_request_is_one_line(client: TestClient, image_png: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    answer = client.post("/v1/segment?include=mask", files={"file": ("Doe_Jane.png", image_png)})
    (line,) = lines(caplog)
    assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/segment", 200)
    assert line["bytes_out"] == len(answer.content)
    assert line["bytes_in"] == int(answer.request.headers["content-length"])
    assert isinstance(line["duration_ms"], float)
    assert line["duration_ms"] > 0
    assert (line["key"], line["level"]) == (None, "info")
    assert "client" not in line
    assert "Doe" not in json.dumps(line)
    assert "include" not in json.dumps(line)


def test_it_has_the_keys_name_and_never_the_key(
    client_with: Callable[..., TestClient], caplog: pytest.LogCaptureFixture
) -> None:
    client = client_with(api_keys=f"anna={KEY}")
    client.get("/v1/model", headers={"X-API-Key": KEY})
    client.get("/v1/model", headers={"X-API-Key": KEY + "x"})
    known, unknown = lines(caplog)
    assert (known["status"], known["key"]) == (200, "anna")
    assert (unknown["status"], unknown["key"]) == (401, None)
    assert KEY not in json.dumps([known, unknown])


def test_the_clients_address_only_where_it_is_asked_for(
    client_with: Callable[..., TestClient], caplog: pytest.LogCaptureFixture
) -> None:
    client_with(log_client=True).get("/health/live")
    (line,) = lines(caplog)
    assert line["client"] == "testclient"


def test_refused_requests_are_logged_too(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    client.post("/v1/segment", files={"file": b"0" * MAX_UPLOAD_BYTES})
    client.get("/" + "x" * 5000)
    too_large, unknown = lines(caplog)
    assert too_large["status"] == 413
    assert (unknown["status"], len(str(unknown["path"]))) == (404, 256)


def test_a_fault_has_its_trace_in_the_log_only(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("secret of the house")

    app.dependency_overrides[get_service] = fail
    caplog.clear()
    answer = client.get("/v1/model")
    (line,) = lines(caplog)
    assert (line["status"], line["level"]) == (500, "error")
    assert "RuntimeError: secret of the house" in str(line["exception"])
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_fault_that_is_answered_in_full_is_logged_here_and_not_by_the_server(app: FastAPI) -> None:
    def fail() -> None:
        raise RuntimeError

    app.dependency_overrides[get_service] = fail
    assert TestClient(app, raise_server_exceptions=True).get("/v1/model").status_code == 500


def test_an_answer_that_breaks_off_is_left_to_the_server(caplog: pytest.LogCaptureFixture) -> None:
    async def break_off(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("broken off")

    async def ignore(_message: Message) -> None:
        pass

    async def nothing() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with pytest.raises(RuntimeError, match="broken off"):
        anyio.run(AccessLog(break_off, with_client=True), scope, nothing, ignore)
    (line,) = lines(caplog)
    assert (line["status"], line["bytes_out"], line["level"], line["client"]) == (200, 4, "error", None)


def test_a_client_that_left_before_an_answer_has_no_status(caplog: pytest.LogCaptureFixture) -> None:
    async def answer_nothing(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def ignore(_message: Message) -> None:
        pass

    anyio.run(
        AccessLog(answer_nothing, with_client=False), {"type": "http", "method": "GET", "path": "/"}, gone, ignore
    )
    (line,) = lines(caplog)
    assert line["status"] is None
