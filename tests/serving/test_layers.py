from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.testclient import TestClient

KEY = "anna-0123456789abcdef"
PAGE = "https://pages.example"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}


def test_no_other_origin_may_ask_unless_it_is_listed(client_with: Callable[..., TestClient]) -> None:
    for client in (client_with(), client_with(cors_origins=("https://other.example",))):
        for answer in (
            client.get("/v1/model", headers={"Origin": PAGE}),
            client.options("/v1/segment", headers=PREFLIGHT),
        ):
            assert "access-control-allow-origin" not in answer.headers


def test_a_listed_origin_may_ask_and_for_its_leave_it_needs_no_key(client_with: Callable[..., TestClient]) -> None:
    client = client_with(cors_origins=(PAGE,), api_keys=KEY)
    leave = client.options("/v1/segment", headers=PREFLIGHT)
    assert leave.status_code == 200
    assert leave.headers["access-control-allow-origin"] == PAGE
    assert "x-api-key" in leave.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in leave.headers
    refused = client.get("/v1/model", headers={"Origin": PAGE})
    assert refused.status_code == 401
    # else the page could not even read why
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert "X-Request-Id" in refused.headers["access-control-expose-headers"]


def test_a_key_is_asked_for_before_the_body(client_with: Callable[..., TestClient]) -> None:
    with client_with(api_keys=KEY, max_upload_bytes=10) as client:
        wait_until(lambda: client.get("/health/ready").status_code == 200)
        assert client.post("/v1/segment", files={"file": b"0" * 100}).status_code == 401
        assert client.post("/v1/segment", files={"file": b"0" * 100}, headers={"X-API-Key": KEY}).status_code == 413


def test_a_bucket_is_emptied_by_its_own_key_only(client_with: Callable[..., TestClient]) -> None:
    client = client_with(api_keys=KEY, rate_limit_per_minute=1)
    assert [client.get("/v1/model").status_code for _ in range(3)] == [401] * 3
    assert [client.get("/v1/model", headers={"X-API-Key": KEY}).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    ("origin", "method", "headers", "refused"),
    [
        ("https://other.example", "POST", "X-API-Key", "origin"),
        (PAGE, "DELETE", "X-API-Key", "method"),
        (PAGE, "POST", "X-Other", "headers"),
    ],
)
def test_a_page_that_may_not_ask_is_told_as_of_any_other_problem(
    client_with: Callable[..., TestClient], origin: str, method: str, headers: str, refused: str
) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    answer = client_with(cors_origins=(PAGE,)).options("/v1/segment", headers=asked)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:breastseg:problem:cors-refused"
    assert f"({refused})" in answer.json()["detail"]
