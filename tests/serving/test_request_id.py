from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from breastseg.serving.request_id import current_request_id

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient


def test_each_request_has_an_id_of_its_own(client: TestClient) -> None:
    ids = {client.get("/health/live").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert all(re.fullmatch("[0-9a-f]{32}", request_id) for request_id in ids)


@pytest.mark.parametrize("given", ["a", "A-1_b.C", "x" * 64])
def test_the_clients_own_is_taken(client: TestClient, given: str) -> None:
    assert client.get("/health/live", headers={"X-Request-Id": given}).headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"b', "a\tb", "ä", "a/b", "{}"])
def test_what_could_break_a_log_line_is_not(client: TestClient, given: str) -> None:
    answer = client.get("/health/live", headers=[(b"X-Request-Id", given.encode("latin-1"))])
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_threads_of_a_request_know_its_id_and_nothing_else_does(app: FastAPI, client: TestClient) -> None:
    @app.get("/v1/id")
    def in_a_thread() -> str:
        return current_request_id()

    for given in ("one", "two"):
        assert client.get("/v1/id", headers={"X-Request-Id": given}).json() == given
    assert current_request_id() == ""


def test_errors_name_it(client: TestClient) -> None:
    for answer in (client.get("/v2", headers={"X-Request-Id": "mine"}), client.post("/v1/segment")):
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
