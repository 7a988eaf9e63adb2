"""What Prometheus reads is what has happened, and clients cannot make series of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from prometheus_client.parser import text_string_to_metric_families

from breastseg.serving.metrics import ROUTES
from tests.onnx_models import make_contract, write_model

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

Sample = tuple[str, tuple[tuple[str, str], ...]]


def samples(client: TestClient) -> dict[Sample, float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def requests(client: TestClient, route: str, status: str) -> float:
    return samples(client).get(("breastseg_requests_total", (("route", route), ("status", status))), 0.0)


def test_each_request_is_counted_by_route_and_status(client: TestClient, image_png: bytes) -> None:
    for _ in range(3):
        client.post("/v1/segment", files={"file": image_png})
    client.post("/v1/segment", files={"file": b"text"})
    client.get("/static/main.js")
    assert requests(client, "/v1/segment", "200") == 3
    assert requests(client, "/v1/segment", "422") == 1
    assert requests(client, "page", "200") == 1
    assert requests(client, "/metrics", "200") == 3
    found = samples(client)
    of_segment = (("route", "/v1/segment"),)
    assert found["breastseg_request_seconds_count", of_segment] == 4
    assert found["breastseg_request_seconds_sum", of_segment] > 0
    assert found["breastseg_request_seconds_bucket", (("le", "+Inf"), *of_segment)] == 4


def test_paths_that_clients_make_up_share_one_series(client: TestClient) -> None:
    client.get("/made/up")
    samples(client)
    before = set(samples(client))
    for number in range(20):
        client.get(f"/made/up/{number}")
    assert requests(client, "other", "404") == 21
    assert set(samples(client)) == before


def test_every_route_of_the_document_has_a_label(app: FastAPI) -> None:
    assert set(app.openapi()["paths"]) == ROUTES


def test_the_model_and_the_queue_are_told(client: TestClient) -> None:
    found, contract = samples(client), make_contract()
    told = {"name": contract.model_name, "version": contract.model_version, "contract_sha256": contract.sha256}
    assert found["breastseg_model_info", tuple(sorted(told.items()))] == 1
    assert found["breastseg_ready", ()] == 1
    assert found["breastseg_images_in_work", ()] == found["breastseg_images_waiting", ()] == 0
    assert found["process_resident_memory_bytes", ()] > 0


def test_another_model_shows_with_the_next_look(app: FastAPI, client: TestClient, model_path: Path) -> None:
    before, loaded = samples(client), ("breastseg_model_loaded_timestamp_seconds", ())
    write_model(model_path, make_contract(encoder="tu-other").to_json())
    try:
        anyio.run(app.state.service.reload)
        after = samples(client)
    finally:
        write_model(model_path)
    names = [dict(labels)["name"] for name, labels in after if name == "breastseg_model_info"]
    assert names == ["cnn_unet/tu-other"]
    assert after[loaded] > before[loaded]


def test_a_request_that_waits_is_seen(app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.state.service._queue, "_held", app.state.service._queue._workers + 2)
    found = samples(client)
    assert found["breastseg_images_waiting", ()] == 2
    assert found["breastseg_images_in_work", ()] == app.state.service._queue._workers
