"""The layers around the routes, in their order: who asks, how often, how much, and what is written down about it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from breastseg.serving import api_keys, request_id
from breastseg.serving.access_log import AccessLog
from breastseg.serving.api_description import add_access
from breastseg.serving.api_keys import ApiKeys
from breastseg.serving.body_limit import BodyLimit
from breastseg.serving.body_timeout import BodyTimeout
from breastseg.serving.key_ring import KeyRing
from breastseg.serving.metrics import RequestMetrics
from breastseg.serving.problems import CORS_REFUSED, RequestError, respond
from breastseg.serving.rate_limit import Buckets, RateLimit
from breastseg.serving.request_id import RequestId
from breastseg.serving.security_headers import SecurityHeaders
from breastseg.serving.tracing import TracedRequestId
from breastseg.serving.unread_body import UnreadBody

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from breastseg.serving.settings import Settings


class Application(FastAPI):
    """FastAPI with an id, a log line, a count and headers for the answer to a fault too.

    Starlette puts added layers inside of the one that answers faults; these stand outside of it.

    Attributes:
        log_client: Whether the log has the client's address.
        keyed: Whether the routes need keys, for the description.
    """

    log_client = False
    keyed = False

    def build_middleware_stack(self) -> ASGIApp:
        """Return the application inside of all its layers."""
        inner = UnreadBody(SecurityHeaders(super().build_middleware_stack()))
        logged = AccessLog(inner, with_client=self.log_client)
        return RequestId(TracedRequestId(RequestMetrics(logged, self.state.metrics.requests)))

    def openapi(self) -> dict[str, Any]:
        """Return the description of the routes, and of what the layers in front of them answer."""
        if not self.openapi_schema:
            self.openapi_schema = add_access(super().openapi(), keyed=self.keyed)
        return self.openapi_schema


def install(app: Application, settings: Settings) -> None:
    """Put the layers of the settings around the application.

    Raises:
        ProblemsError: The API keys cannot be used.
    """
    ring = KeyRing.of(settings)
    app.log_client = settings.log_client
    app.keyed = ring is not None
    # the last one added is the outermost: browsers ask for leave without a key, keys are judged before buckets
    app.add_middleware(BodyLimit, max_bytes=settings.max_upload_bytes, max_total_bytes=settings.max_uploads_total_bytes)
    app.add_middleware(BodyTimeout, timeout_s=settings.body_timeout_s)
    if settings.rate_limit_per_minute:
        burst = settings.rate_limit_burst or settings.rate_limit_per_minute
        app.add_middleware(RateLimit, buckets=Buckets(settings.rate_limit_per_minute, burst))
    app.add_middleware(ApiKeys, ring=ring)
    if settings.cors_origins:
        _open_to(app, settings.cors_origins)


def _open_to(app: Application, origins: tuple[str, ...]) -> None:
    app.add_middleware(
        _Cors,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", api_keys.HEADER, request_id.HEADER],
        expose_headers=[request_id.HEADER, "Retry-After", "WWW-Authenticate"],
    )


class _Cors(CORSMiddleware):
    """Refuses a browser's question for leave with problem details, as every other refusal."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer the question."""
        answer = super().preflight_response(request_headers)
        if answer.status_code == HTTPStatus.OK:
            return answer
        refused = bytes(answer.body).decode().removeprefix("Disallowed CORS ")
        detail = f"Pages of other origins may not ask so ({refused}). List the origin in BREASTSEG_CORS_ORIGINS"
        headers = {name: value for name, value in answer.headers.items() if name.startswith(("access-", "vary"))}
        return respond(RequestError(CORS_REFUSED, detail, headers))
