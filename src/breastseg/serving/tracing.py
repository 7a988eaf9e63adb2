"""OpenTelemetry traces of requests, off unless asked for. FastAPI makes the spans; where they go to is said here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opentelemetry import trace

from breastseg.errors import BreastsegError
from breastseg.serving.paths import METRICS, PROBES
from breastseg.serving.request_id import current_request_id

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from fastapi.telemetry import TelemetryConfig
    from opentelemetry.trace import TracerProvider
    from starlette.types import ASGIApp, Receive, Scope, Send

SERVICE = "breastseg"
REQUEST_ID = "breastseg.request_id"
# metrics and logs have roads of their own here; the framework's log records hold exception messages
_OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def telemetry(*, tracing: bool) -> TelemetryConfig:
    """Return the framework's `telemetry` option.

    Raises:
        BreastsegError: Traces are asked for, and the extra `tracing` is not installed.
    """
    return traced_by(_exporting_provider()) if tracing else _OFF


def traced_by(provider: TracerProvider) -> TelemetryConfig:
    """Return the option that traces requests with a provider, all but the probes."""
    return {**_OFF, "tracing": True, "tracer_provider": provider, "exclude": _is_probe}


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    path: str = scope["path"]
    return path.startswith(PROBES) or path == METRICS


def _exporting_provider() -> TracerProvider:
    """Return a provider that sends spans to where the standard variables `OTEL_EXPORTER_OTLP_…` say."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        mend = "Install the extra: pip install 'breastseg[tracing]', or unset BREASTSEG_TRACING"
        raise BreastsegError(f"BREASTSEG_TRACING needs the package {error.name}. {mend}") from error
    name = os.environ.get("OTEL_SERVICE_NAME", SERVICE)
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class TracedRequestId:
    """ASGI layer that writes the request's id into its span, so that a trace leads to the log's lines."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Mark the span and pass the request on."""
        if scope["type"] == "http":
            trace.get_current_span().set_attribute(REQUEST_ID, current_request_id())
        await self._app(scope, receive, send)
