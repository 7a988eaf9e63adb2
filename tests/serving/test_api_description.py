from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.testclient import TestClient


def test_the_answers_of_the_layers_stand_at_every_guarded_route(client_with: Callable[..., TestClient]) -> None:
    paths = client_with().get("/openapi.json").json()["paths"]
    assert {"401", "429"} <= set(paths["/v1/model"]["get"]["responses"])
    assert "408" not in paths["/v1/model"]["get"]["responses"]
    responses = paths["/v1/segment"]["post"]["responses"]
    assert {"200", "401", "408", "413", "429"} <= set(responses)
    assert "urn:breastseg:problem:body-timeout" in responses["408"]["description"]
    assert list(paths["/health/live"]["get"]["responses"]) == ["200"]


def test_keys_are_described_where_there_are_any(client_with: Callable[..., TestClient]) -> None:
    open_to_all = client_with().get("/openapi.json").json()
    assert "securitySchemes" not in open_to_all["components"]
    assert "security" not in open_to_all["paths"]["/v1/model"]["get"]

    client = client_with(api_keys="anna-0123456789abcdef")
    keyed = client.get("/openapi.json").json()
    assert keyed == client.get("/openapi.json").json()
    assert keyed["components"]["securitySchemes"]["apiKey"]["name"] == "X-API-Key"
    assert keyed["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert keyed["paths"]["/v1/model"]["get"]["security"] == [{"bearer": []}, {"apiKey": []}]
    assert "security" not in keyed["paths"]["/health/live"]["get"]
