"""What the layers around the service's routes cost a request, without network and model.

Usage: python -m benchmarks.serving_layers

Each layer is timed alone around an endpoint that does nothing, then all of them together as the service has them, with
the endpoint's own time taken off. The log goes to a file that keeps nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry

from breastseg.serving.access_log import AccessLog
from breastseg.serving.api_keys import ApiKeys
from breastseg.serving.body_limit import BodyLimit
from breastseg.serving.body_timeout import BodyTimeout
from breastseg.serving.json_logs import JsonFormatter
from breastseg.serving.key_ring import KeyRing
from breastseg.serving.metrics import RequestCounts, RequestMetrics
from breastseg.serving.rate_limit import Buckets, RateLimit
from breastseg.serving.request_id import RequestId
from breastseg.serving.security_headers import SecurityHeaders
from breastseg.serving.tracing import TracedRequestId

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY = "0123456789abcdef0123456789abcdef"
REQUESTS = 2_000
ROUNDS = 15
UNLIMITED = 1e9


async def endpoint(_scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer with nothing."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def receive() -> Message:
    """Hand over a body that is already here."""
    return {"type": "http.request", "body": b"x" * 1000, "more_body": False}


async def send(_message: Message) -> None:
    """Take the answer."""


def scope() -> dict[str, Any]:
    """Return a request as the server hands it over, with the headers of an ordinary client."""
    headers = [
        (b"host", b"127.0.0.1:8000"),
        (b"user-agent", b"benchmark"),
        (b"accept", b"*/*"),
        (b"content-type", b"multipart/form-data; boundary=x"),
        (b"content-length", b"1000"),
        (b"x-api-key", KEY.encode()),
    ]
    return {"type": "http", "method": "POST", "path": "/v1/segment", "root_path": "", "headers": headers}


def microseconds(app: ASGIApp) -> float:
    """Return the time of a request, that of the quickest round: the others shared the machine."""

    async def round_() -> float:
        started = time.perf_counter()
        for _ in range(REQUESTS):
            await app(scope(), receive, send)
        return (time.perf_counter() - started) / REQUESTS * 1e6

    return min(asyncio.run(round_()) for _ in range(ROUNDS))


def layers(ring: KeyRing) -> list[tuple[str, Callable[[ASGIApp], ASGIApp]]]:
    """Return the service's layers from the inside to the outside."""
    counts = RequestCounts(CollectorRegistry())
    return [
        ("body limit", lambda app: BodyLimit(app, 20_000_000, 400_000_000)),
        ("body time-out", lambda app: BodyTimeout(app, 30)),
        ("rate limit", lambda app: RateLimit(app, Buckets(UNLIMITED, int(UNLIMITED)))),
        ("API keys, one in a file", lambda app: ApiKeys(app, ring)),
        ("security headers", SecurityHeaders),
        ("counts for Prometheus", lambda app: RequestMetrics(app, counts)),
        ("JSON line a request", lambda app: AccessLog(app, with_client=False)),
        ("trace's request id", TracedRequestId),
        ("request id", RequestId),
    ]


def main() -> None:
    """Print microseconds a request, by layer and of all."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, tempfile.TemporaryDirectory() as folder:
        handler = logging.StreamHandler(nowhere)
        handler.setFormatter(JsonFormatter())
        logging.basicConfig(handlers=[handler], level=logging.INFO)
        file = Path(folder) / "keys"
        file.write_text(f"benchmark={KEY}\n", encoding="utf-8")
        report(layers(KeyRing(None, file)))


def report(stack: list[tuple[str, Callable[[ASGIApp], ASGIApp]]]) -> None:
    """Measure and print."""
    bare = microseconds(endpoint)
    whole: ASGIApp = endpoint
    for name, wrap in stack:
        whole = wrap(whole)
        sys.stdout.write(f"{name:<26}{microseconds(wrap(endpoint)) - bare:6.1f} us\n")
    sys.stdout.write(f"{'all':<26}{microseconds(whole) - bare:6.1f} us\n")


if __name__ == "__main__":
    main()
