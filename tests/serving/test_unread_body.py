"""A connection is kept where a request has been read to its end, and closed where more of it may come."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.testclient import TestClient

KEY = "anna-0123456789abcdef"


def test_an_answer_before_the_body_closes(client_with: Callable[..., TestClient], image_png: bytes) -> None:
    client = client_with(api_keys=KEY)
    refused = client.post("/v1/segment", files={"file": image_png})
    assert (refused.status_code, refused.headers["connection"]) == (401, "close")
    assert "connection" not in client.get("/v1/model").headers


def test_an_answer_to_a_body_keeps_the_connection(client: TestClient, image_png: bytes) -> None:
    for data in (image_png, b"no image"):
        assert "connection" not in client.post("/v1/segment", files={"file": data}).headers
    too_large = client.post("/v1/segment", files={"file": b"0" * 200_000})
    assert (too_large.status_code, too_large.headers["connection"]) == (413, "close")
