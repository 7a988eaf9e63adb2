from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError
from breastseg.serving import app as app_module
from breastseg.serving.tracing import telemetry, traced_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.testclient import TestClient


def test_it_is_off_unless_asked_for_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    assert set(telemetry(tracing=False).values()) == {False}


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    # None in sys.modules makes an import fail as if the package were not installed
    for name in ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk.trace"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BreastsegError, match=r"pip install 'breastseg\[tracing\]'"):
        telemetry(tracing=True)


def test_requests_leave_spans_with_their_ids_and_no_address(
    client_with: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra `tracing` is not installed")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter, provider = memory.InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    monkeypatch.setattr(app_module, "telemetry", lambda **_: traced_by(provider))

    client = client_with(tracing=True)
    client.get("/health/live")
    client.post("/v1/segment", files={"file": ("Doe_Jane.png", b"0")}, headers={"X-Request-Id": "mine"})
    spans = exporter.get_finished_spans()
    (server,) = [span for span in spans if span.kind.name == "SERVER"]
    assert server.name == "POST /v1/segment"
    assert server.attributes["breastseg.request_id"] == "mine"
    assert server.attributes["http.response.status_code"] == 503
    told = "".join(span.to_json() for span in spans)
    assert "Doe" not in told
    assert "testclient" not in told
