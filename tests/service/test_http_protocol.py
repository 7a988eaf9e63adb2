"""What is no request, or never becomes one, is answered in words and costs little."""

from __future__ import annotations

import http.client
import json
import signal
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx2
import psutil
import pytest

from tests.service.conftest import Server, running_server
from tests.service.test_server import speckle
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MEGABYTE = b"x" * 2**20


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "serve.log"


@pytest.fixture(scope="module")
def server(model_path: Path, log_file: Path) -> Iterator[Server]:
    with running_server(model_path, log_file, threads="1") as server:
        yield server


def send(server: Server, parts: Iterable[bytes]) -> bytes:
    """Send bytes as they are; return what comes back until the server closes."""
    with socket.create_connection((server.base_url.host, server.base_url.port or 80), timeout=120) as connection:
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
        send(server, [request % method]).partition(b"\r\n\r\n") for method in (b"HEAD", b"GET")
    )
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: %d\r\n" % len(body) in head + b"\r\n"
    assert nothing == b""


@pytest.mark.parametrize(
    "request_", [b"nonsense\r\n\r\n", b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n"]
)
def test_what_is_no_request_is_a_problem_like_any_other(server: Server, request_: bytes) -> None:
    assert_problem(send(server, [request_]), 400, "malformed-request")


def test_endless_headers_are_given_up(server: Server) -> None:
    parts = iter([b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: ", *[MEGABYTE] * 500])
    response = send(server, parts)
    # a reset may overtake the response, while the client is still sending
    if response:
        assert_problem(response, 431, "headers-too-large")
    assert list(parts), "the server was to close long before it has all of it"
    assert server.get("/health/live").status_code == 200


CHUNKED = (
    b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\n--x\r\n\r\n"
)
TRAILERS = b"".join(b"X-T: " + b"a" * 60_000 + b"\r\n" for _ in range(16))


@pytest.mark.parametrize(
    ("begin", "endless"),
    [(b"0\r\n", TRAILERS), (b"0\r\nX-T: ", MEGABYTE), (b"1;", MEGABYTE)],
    ids=["trailers", "one trailer", "chunk extension"],
)
def test_what_is_no_body_is_bounded_after_the_headers_too(server: Server, begin: bytes, endless: bytes) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    answer = send(server, [CHUNKED + begin, *[endless] * 60])
    # a reset may overtake the answer, while the client is still sending
    if answer:
        assert_problem(answer, 431, "headers-too-large")
    assert process.memory_info().rss - before < 20 * 2**20
    assert server.get("/health/live").status_code == 200


def chunked_image(extension: bytes = b"", trailer: bytes = b"") -> bytes:
    """A request for a mask, in many chunks."""
    image = speckle("PNG", (120, 90))
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + image + b"\r\n--x--\r\n"
    pieces = [body[start : start + 10] for start in range(0, len(body), 10)]
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
    head = CHUNKED.partition(b"\r\n\r\n")[0] + b"\r\nConnection: close\r\n\r\n"
    return head + chunks + b"0\r\n" + trailer + b"\r\n"


def test_chunks_that_have_more_beside_them_than_headers_may_hold_pass(server: Server) -> None:
    request = chunked_image(extension=b";a=" + b"b" * 9000)
    assert len(request) > 10 * 65_536
    assert send(server, [request]).startswith(b"HTTP/1.1 200 ")


def test_a_trailer_is_no_header(server: Server) -> None:
    answer = send(server, [chunked_image(trailer=b"X-Request-Id: a-trailer\r\n")])
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"a-trailer" not in answer


def test_a_wish_for_another_protocol_is_answered_as_any_request(server: Server, log_file: Path) -> None:
    head = (
        b"GET /v1/model?secret=1 HTTP/1.1\r\nHost: x\r\nX-Request-Id: upgrading\r\nConnection: Upgrade, close\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    before = len(log_file.read_text())
    answer = send(server, [head])
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"x-request-id: upgrading\r\n" in answer.lower()
    # the line may come after the answer
    wait_until(lambda: log_file.read_text()[before:].endswith("\n"))
    lines = [json.loads(line) for line in log_file.read_text()[before:].splitlines()]
    assert [(line["message"], line["request_id"], line["path"]) for line in lines] == [
        ("request", "upgrading", "/v1/model")
    ]


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
    wait_until(lambda: "leaving" in log_file.read_text())
    wait_until(lambda: log_file.read_text().endswith("\n"))
    records = [json.loads(line) for line in log_file.read_text().splitlines()]
    found = [record for record in records if record.get("request_id") == "leaving"]
    assert [(record["level"], record["status"]) for record in found] == [("info", 499)]


# a last request, after which nobody waits for the end of a connection that is kept open
CLOSING = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"


def multipart(data: bytes) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + data + b"\r\n--x--\r\n"


def post(data: bytes, headers: bytes = b"") -> bytes:
    """A request for the lesions of an image."""
    body = multipart(data)
    head = b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    return head + b"Content-Length: %d\r\n%s\r\n" % (len(body), headers) + body


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_wish_for_http_2_costs_no_body(server: Server, pieces: int) -> None:
    request = post(speckle("PNG", (120, 90)), UPGRADE)
    step = -(-len(request) // pieces)
    answered, closing = (
        post(speckle("PNG", (60, 50))),
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    parts = [request[start : start + step] for start in range(0, len(request), step)]
    # the connection goes on as any other
    answer = send(server, [*parts, answered, closing])
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert b'"width":90,"height":120' in answer
    assert b'"width":50,"height":60' in answer


def test_a_chunked_body_beside_such_a_wish_is_read(server: Server) -> None:
    request = chunked_image().replace(b"Connection: close\r\n", UPGRADE)
    closing = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert send(server, [request, closing]).count(b"HTTP/1.1 200 ") == 2


def test_a_client_that_has_closed_its_own_side_gets_its_response(server: Server) -> None:
    with socket.create_connection((server.base_url.host, server.base_url.port or 80), timeout=120) as connection:
        # while it stands still, so that it answers after both
        server.process.send_signal(signal.SIGSTOP)
        connection.sendall(post(speckle("PNG", (120, 90))))
        connection.shutdown(socket.SHUT_WR)
        server.process.send_signal(signal.SIGCONT)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    _, _, response = received.rpartition(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in response.partition(b"\r\n\r\n")[0]


def test_a_refusal_reaches_a_client_that_is_still_sending(server: Server) -> None:
    connection = http.client.HTTPConnection(server.base_url.host, server.base_url.port, timeout=120)
    for _ in range(5):
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        connection.request("POST", "/v1/segment", multipart(b"x" * 25_000_000), headers)
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["type"]) == (413, "urn:breastseg:problem:too-large")
        connection.close()


def test_headers_that_come_slowly_are_given_up(model_path: Path) -> None:
    with running_server(model_path, header_timeout_s="1") as server:
        assert_problem(send(server, [b"GET /health/live HTTP/1.1\r\nHost:"]), 408, "header-timeout")
        # nothing was asked, so nothing is answered
        assert send(server, []) == b""
        with socket.create_connection((server.base_url.host, server.base_url.port or 80), timeout=120) as connection:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /health/live HTTP/1.1\r\n")
            received = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert received.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in received


def limited(server: Server) -> None:
    """Let the server open few files, as a shell with `ulimit -n 256` does."""
    psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE, (256, 256))


@pytest.mark.parametrize("begun", [b"", b"GET /health/live HTTP/1.1\r\nHost:"], ids=["silent", "begun"])
def test_idle_connections_keep_nobody_out_and_are_logged_in_a_line(
    model_path: Path, tmp_path: Path, begun: bytes
) -> None:
    log_file = tmp_path / "serve.log"
    with running_server(model_path, log_file, max_connections="64") as server, ExitStack() as held:
        limited(server)
        address = server.base_url.host, server.base_url.port or 80
        # while it stands still, so that it finds all of them at once
        server.process.send_signal(signal.SIGSTOP)
        for _ in range(300):
            held.enter_context(socket.create_connection(address, timeout=120)).sendall(begun)
        server.process.send_signal(signal.SIGCONT)
        with httpx2.Client(base_url=server.base_url, timeout=120) as other:
            assert other.get("/health/live").status_code == 200
            assert other.post("/v1/segment", files={"file": speckle("PNG", (60, 50))}).status_code == 200
        # closed at once, whatever of a request they had sent
        assert psutil.Process(server.process.pid).num_fds() < 200
        wait_until(lambda: server.connections() <= 64, shown=lambda: str(server.connections()))
    log = log_file.read_text()
    assert log.count("connections are taken") == 1
    assert "out of system resource" not in log


def waiting_connections(server: Server, held: ExitStack, count: int, sent: bytes) -> None:
    """Open connections that send so much and no more, and read nothing."""
    for _ in range(count):
        connection = held.enter_context(socket.socket())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(120)
        connection.connect((server.base_url.host, server.base_url.port or 80))
        connection.sendall(sent)


HALF = post(speckle("PNG", (120, 90)))[:-100]
UNREAD = b"GET /static/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 12


@pytest.mark.parametrize("sent", [HALF, UNREAD], ids=["half-bodies", "nothing-read"])
def test_clients_in_the_middle_of_a_request_keep_nobody_out(model_path: Path, sent: bytes) -> None:
    with running_server(model_path, max_connections="16") as server, ExitStack() as held:
        waiting_connections(server, held, 20, sent)

        def is_answered() -> bool:
            # a connection of its own each time
            status = httpx2.get(f"{server.base_url}/health/live", timeout=120).status_code
            assert status in {200, 503}
            return status == 200

        wait_until(is_answered)


def test_a_refusal_for_want_of_connections_is_read_by_clients_that_send(model_path: Path) -> None:
    with running_server(model_path, max_connections="4") as server, ExitStack() as held:
        waiting_connections(server, held, 4, HALF)
        statuses = set()
        for _ in range(10):
            connection = http.client.HTTPConnection(server.base_url.host, server.base_url.port, timeout=120)
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            connection.request("POST", "/v1/segment", multipart(speckle("PNG", (120, 90))), headers)
            response = connection.getresponse()
            statuses.add(response.status)
            assert json.loads(response.read())
            connection.close()
        # the first ones are refused where they come within a second
        assert statuses <= {200, 503}


def test_many_wishes_for_another_protocol_on_one_connection_are_answered(server: Server, log_file: Path) -> None:
    before = len(log_file.read_text())
    wish = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n"
    assert send(server, [wish * 2_000 + CLOSING]).count(b"HTTP/1.1 200 ") == 2_001
    assert "Traceback" not in log_file.read_text()[before:]


def test_a_body_that_cannot_be_read_beside_such_a_wish_is_a_problem(server: Server) -> None:
    head = b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n" + UPGRADE + b"\r\n"
    assert_problem(send(server, [head]), 400, "malformed-request")
    head = post(b"")[: post(b"").index(b"Content-Length")]
    # a body of no bytes, however it is written, is not waited for
    for upgrade in (b"", UPGRADE):
        response = send(server, [head + b"Content-Length: 00\r\n" + upgrade + b"\r\n" + CLOSING])
        assert response.startswith(b"HTTP/1.1 422 ")
