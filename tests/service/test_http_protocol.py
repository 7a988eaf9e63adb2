"""What is no request, or never becomes one, is answered in words and costs little."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.service.conftest import Server, running_server
from tests.service.test_server import speckle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTE = b"x" * 2**20


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "serve.log"


@pytest.fixture(scope="module")
def server(model_path: Path, log_file: Path) -> Iterator[Server]:
    with running_server(model_path, log_file, threads="1") as server:
        yield server


def send(server: Server, *parts: bytes) -> bytes:
    """Send bytes as they are; return what comes back until the server closes."""
    with socket.create_connection((server.base_url.host, server.base_url.port or 80), timeout=10) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # the server has closed, and said why before
        received = b""
        try:
            while part := connection.recv(65_536):
                received += part
        except ConnectionResetError:
            pass
        return received


def assert_problem(answer: bytes, status: int, name: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"content-type: application/problem+json" in head
    assert b"x-content-type-options: nosniff" in head
    assert b"x-request-id: " + problem["request_id"].encode() in head
    assert (problem["type"], problem["status"]) == (f"urn:breastseg:problem:{name}", status)
    assert problem["detail"]


@pytest.mark.parametrize("state", [b"live", b"ready"])
def test_head_is_answered_as_get_without_a_body(server: Server, state: bytes) -> None:
    request = b"%s /health/" + state + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    (head, _, nothing), (_, _, body) = (
        send(server, request % method).partition(b"\r\n\r\n") for method in (b"HEAD", b"GET")
    )
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: %d\r\n" % len(body) in head + b"\r\n"
    assert nothing == b""


@pytest.mark.parametrize(
    "request_", [b"nonsense\r\n\r\n", b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n"]
)
def test_what_is_no_request_is_a_problem_like_any_other(server: Server, request_: bytes) -> None:
    assert_problem(send(server, request_), 400, "malformed-request")


def test_endless_headers_are_given_up(server: Server) -> None:
    process = psutil.Process(server.process.pid)
    before = process.cpu_times().user
    answer = send(server, b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: ", *[MEGABYTE] * 50)
    # a reset may overtake the answer, while the client is still sending
    if answer:
        assert_problem(answer, 431, "headers-too-large")
    assert process.cpu_times().user - before < 0.5
    assert server.get("/health/live").status_code == 200


def test_long_headers_and_many_requests_on_one_connection_pass(server: Server) -> None:
    image = speckle("PNG", (120, 90))
    for _ in range(3):
        assert server.get("/health/live", headers={"X-A": "x" * 30_000}).status_code == 200
        assert server.post("/v1/segment", files={"file": image}).status_code == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_fault(server: Server, log_file: Path) -> None:
    head = b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nX-Request-Id: leaving\r\nContent-Length: 5000\r\n"
    head += b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    with socket.create_connection((server.base_url.host, server.base_url.port or 80)) as connection:
        connection.sendall(head)
    found: list[dict[str, object]] = []
    for _ in range(100):
        records = [json.loads(line) for line in log_file.read_text().splitlines()]
        found = [record for record in records if record.get("request_id") == "leaving"]
        if found:
            break
        server.get("/health/live")
    assert [(record["level"], record["status"]) for record in found] == [("info", 499)]
