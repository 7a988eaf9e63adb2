from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.serving.app import create_app
from breastseg.serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx2
    from fastapi.testclient import TestClient

KEY, OTHER = "anna-0123456789abcdef", "bert-0123456789abcdef"
UNAUTHORIZED = "urn:breastseg:problem:unauthorized"


@pytest.fixture
def keyed(client_with: Callable[..., TestClient]) -> TestClient:
    return client_with(api_keys=f"anna={KEY},{OTHER}")


def assert_refused(answer: httpx2.Response) -> None:
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith('Bearer realm="breastseg"')
    assert answer.json()["type"] == UNAUTHORIZED
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "operator" in answer.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEY},
        {"x-api-key": OTHER},
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {OTHER} "},
        # a proxy's own, before ours
        {"Authorization": "Bearer of-a-proxy-in-front", "X-API-Key": KEY},
        {"Authorization": "Basic eDp5", "X-API-Key": KEY},
    ],
)
def test_who_has_a_key_is_let_in(keyed: TestClient, headers: dict[str, str]) -> None:
    assert keyed.get("/v1/model", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": f"{KEY},{OTHER}"},
        {"X-API-Key": "anna"},
        {"X-API-Key": f"anna={KEY}"},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
        {"Cookie": f"key={KEY}"},
    ],
)
def test_who_has_none_is_not(keyed: TestClient, headers: dict[str, str]) -> None:
    answer = keyed.get("/v1/model", headers=headers)
    assert_refused(answer)
    assert KEY not in answer.text


def test_no_key_is_taken_from_the_query(keyed: TestClient) -> None:
    assert_refused(keyed.get("/v1/model", params={"key": KEY, "api_key": KEY, "X-API-Key": KEY}))


def test_a_wrong_key_is_told_apart_from_none(keyed: TestClient) -> None:
    assert "error" not in keyed.get("/v1/model").headers["www-authenticate"]
    assert 'error="invalid_token"' in keyed.get("/v1/model", headers={"X-API-Key": "no"}).headers["www-authenticate"]


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/metrics", "/", "/static/a.js", "/docs", "/openapi.json"]
)
def test_probes_and_pages_need_no_key(keyed: TestClient, path: str) -> None:
    # some of them may not be there; none of them asks for a key
    assert keyed.get(path).status_code != 401


UNLISTED = ["/v1/model", "/v1/model/", "/v1/segment", "/v2", "/admin/reload"]
ALMOST_LISTED = ["/health", "/healthy", "/metrics/", "/staticfiles", "/docs2"]
AROUND = ["//v1/model", "/health/../v1/model", "/%2e%2e/v1/model", "/static/../v1/model"]


@pytest.mark.parametrize("path", UNLISTED + ALMOST_LISTED + AROUND)
def test_whatever_else_does_or_is_not_there(keyed: TestClient, path: str) -> None:
    answer = keyed.get(path)
    assert answer.status_code in {401, 404}
    assert "contract" not in answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_no_method_goes_around_it(keyed: TestClient, method: str) -> None:
    assert keyed.request(method, "/v1/segment").status_code == 401


def test_without_keys_everybody_asks_but_for_what_is_the_operators(client_with: Callable[..., TestClient]) -> None:
    client = client_with()
    assert client.get("/v1/model").status_code == 200
    assert client.get("/v1/model", headers={"X-API-Key": "whatever"}).status_code == 200
    answer = client.post("/admin/reload", headers={"X-API-Key": "whatever"})
    assert_refused(answer)
    assert "has no keys" in answer.json()["detail"]


def test_keys_rotate_while_it_runs(client_with: Callable[..., TestClient], tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(KEY, encoding="utf-8")
    client = client_with(api_keys_file=file)
    assert client.get("/v1/model", headers={"X-API-Key": KEY}).status_code == 200
    file.write_text(OTHER + "\n", encoding="utf-8")
    assert client.get("/v1/model", headers={"X-API-Key": KEY}).status_code == 401
    assert client.get("/v1/model", headers={"X-API-Key": OTHER}).status_code == 200


def test_under_a_sub_path_the_same_paths_are_open(model_path: Path) -> None:
    from fastapi.testclient import TestClient  # noqa: PLC0415 - only here is it more than a type

    app = create_app(Settings.model_validate({"model": model_path, "api_keys": KEY}))
    client = TestClient(app, root_path="/segmentation")
    assert client.get("/segmentation/health/live").status_code == 200
    assert_refused(client.get("/segmentation/v1/model"))
    assert client.get("/segmentation/v1/model", headers={"X-API-Key": KEY}).status_code == 200
