"""Who may ask a real server, and what it writes down about it."""

from __future__ import annotations

import json
import socket
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.service.conftest import SERVE, environment, running_server
from tests.waiting import wait_until

if TYPE_CHECKING:
    import httpx2

pytestmark = pytest.mark.extended

KEY, NEW_KEY = "anna-0123456789abcdef", "bert-0123456789abcdef"
HEAD = (
    b"POST /v1/segment HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: 1000\r\n\r\n"
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="Doe_Jane.png"\r\n\r\n'
)


def serve(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [*SERVE, *map(str, arguments)],
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def asks(client: httpx2.Client, key: str) -> int:
    return client.get("/v1/model", headers={"Authorization": f"Bearer {key}"}).status_code


def test_keys_rotate_without_a_restart(model_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# ours\nanna={KEY}\n", encoding="utf-8")
    with running_server(model_path, tmp_path / "log", api_keys_file=str(file)) as client:
        assert client.get("/v1/model").status_code == 401
        assert (asks(client, KEY), asks(client, NEW_KEY)) == (200, 401)
        file.write_text(f"bert={NEW_KEY}\n", encoding="utf-8")
        assert (asks(client, KEY), asks(client, NEW_KEY)) == (401, 200)
        file.write_text("", encoding="utf-8")
        assert (asks(client, KEY), asks(client, NEW_KEY)) == (401, 200)
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "stay as they were" in log
    assert KEY not in log
    assert NEW_KEY not in log


def test_it_does_not_bind_an_open_address_by_accident(model_path: Path) -> None:
    done = serve("--model", model_path, host="0.0.0.0")  # noqa: S104 - this is about binding to it
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "BREASTSEG_API_KEYS" in line
    assert "BREASTSEG_ALLOW_ANONYMOUS=true" in line


@pytest.mark.parametrize("way_out", [{"api_keys": KEY}, {"allow_anonymous": "true"}])
def test_both_ways_out_let_it_bind_one(model_path: Path, way_out: dict[str, str]) -> None:
    with running_server(model_path, host="0.0.0.0", **way_out) as client:  # noqa: S104 - this is about binding to it
        assert client.get("/v1/model").status_code == (401 if "api_keys" in way_out else 200)
        assert asks(client, KEY) == 200


def test_without_a_key_that_can_be_used_it_does_not_start(model_path: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("# nobody yet\n", encoding="utf-8")
    for settings in ({"api_keys_file": str(tmp_path / "keys")}, {"api_keys": "short"}):
        done = serve("--model", model_path, **settings)
        assert done.returncode == 1
        assert "The API keys cannot be used" in done.stderr
        assert "Traceback" not in done.stderr
        assert "short" not in done.stderr


def test_a_body_that_dribbles_in_is_given_up_and_its_connection_closed(model_path: Path, tmp_path: Path) -> None:
    with running_server(model_path, tmp_path / "log", body_timeout_s="0.5") as client:
        url = client.base_url
        with closing(socket.create_connection((url.host, url.port), timeout=120)) as connection:
            connection.sendall(HEAD)
            connection.settimeout(0.05)
            answer = dribble_until_closed(connection)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in head.lower()
        assert json.loads(body)["type"] == "urn:breastseg:problem:body-timeout"
        assert client.get("/health/ready").status_code == 200
    (line,) = [line for line in log_lines(tmp_path / "log") if line.get("status") == 408]
    assert line["request_id"] == json.loads(body)["request_id"]


def dribble_until_closed(connection: socket.socket) -> bytes:
    """Send a byte now and then; return what comes back until the server closes."""
    answer = bytearray()

    def is_closed() -> bool:
        try:
            connection.send(b"0")
            part = connection.recv(65536)
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        answer.extend(part)
        return not part

    wait_until(is_closed)
    return bytes(answer)


def log_lines(file: Path) -> list[dict[str, object]]:
    """Parse every line: one that is no JSON fails the test."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_every_line_of_the_log_is_json_and_a_request_has_one(model_path: Path, tmp_path: Path) -> None:
    with running_server(model_path, tmp_path / "log", api_keys=f"anna={KEY}", api_key="misspelt") as client:
        client.post(
            "/v1/segment?include=mask",
            files={"file": ("Doe_Jane.png", b"no image")},
            headers={"X-API-Key": KEY, "X-Request-Id": "mine"},
        )
    lines = log_lines(tmp_path / "log")
    (request,) = [line for line in lines if line.get("request_id") == "mine"]
    assert (request["path"], request["status"], request["key"]) == ("/v1/segment", 422, "anna")
    assert any(line["logger"] == "uvicorn.error" for line in lines)
    assert any("is BREASTSEG_API_KEYS meant?" in str(line["message"]) for line in lines)
    for private in ("Doe", KEY, "misspelt", "include"):
        assert private not in json.dumps(lines)
    assert "127.0.0.1" not in json.dumps(request)


def test_the_log_can_be_text(model_path: Path, tmp_path: Path) -> None:
    with running_server(model_path, tmp_path / "log", log_format="text"):
        pass
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert "{" not in text
    assert 'path="/health/ready"' in text


def test_the_configuration_is_shown_and_nothing_is_served(model_path: Path) -> None:
    done = serve("--model", model_path, "--show-config", api_keys=KEY, port="9001")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in done.stdout.splitlines()}
    assert rows["BREASTSEG_API_KEYS"].split() == ["***", "environment"]
    assert rows["BREASTSEG_PORT"].split() == ["9001", "environment"]
    assert rows["BREASTSEG_MODEL"].split() == [str(model_path), "option", "--model"]
    assert rows["BREASTSEG_HOST"].split() == ["127.0.0.1", "default"]
    assert KEY not in done.stdout


@pytest.mark.parametrize("page", ["README.md", "docs/serving.md", "Dockerfile.serve"])
def test_the_image_is_shown_with_a_key_and_without_on_loopback(page: str) -> None:
    text = (Path(__file__).resolve().parents[2] / page).read_text(encoding="utf-8")
    shown = [line for line in text.splitlines() if "docker run" in line]
    keyed = [line for line in shown if "-e BREASTSEG_API_KEYS" in line]
    anonymous = [line for line in shown if "-e BREASTSEG_ALLOW_ANONYMOUS=true" in line]
    assert keyed
    assert anonymous
    assert len(keyed) + len(anonymous) == len(shown)
    assert all("-p 127.0.0.1:" in line for line in anonymous)
