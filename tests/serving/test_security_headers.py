from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi import Response

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

EXPECTED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@pytest.mark.parametrize("path", ["/v1/model", "/health/ready", "/v2", "/v1/segment", "/v1/fault"])
def test_every_answer_has_them_faults_too(app: FastAPI, client: TestClient, path: str) -> None:
    @app.get("/v1/fault")
    def fail() -> None:
        raise RuntimeError

    answer = client.get(path)
    assert EXPECTED.items() <= dict(answer.headers).items()
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "camera=()" in answer.headers["permissions-policy"]


def test_a_route_that_sets_one_itself_keeps_it(app: FastAPI, client: TestClient) -> None:
    own = {"Content-Security-Policy": "default-src 'self'", "Cache-Control": "max-age=60"}
    app.add_api_route("/own", lambda: Response(headers=own))
    answer = client.get("/own")
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert answer.headers.get_list("cache-control") == ["max-age=60"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_parts_of_the_page_may_be_kept(client: TestClient) -> None:
    assert "cache-control" not in client.get("/openapi.json").headers
    assert "content-security-policy" in client.get("/static/app.js").headers
