"""Caps request bodies while they arrive, before a parser keeps them; Starlette's own cap answers in plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from breastseg.serving.problems import QUEUE_FULL, TOO_LARGE, RequestError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_RETRY_AFTER_S = "1"


class BodyLimit:
    """ASGI layer that lets no handler read a body of more than `max_bytes`, declared or chunked.

    A declared length is judged before the first byte is asked for, so that a client that waits for `100 Continue`
    sends none. What all requests have read so far is bounded too: the queue begins where a body has ended.

    Args:
        app: The layers inside.
        max_bytes: Most bytes of one body.
        max_total_bytes: Most bytes of the bodies of all requests that have no answer yet.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_total_bytes: int) -> None:
        self._app = app
        self._max_bytes, self._max_total_bytes = max_bytes, max_total_bytes
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that raises `RequestError` when one or all are too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive)
        declared_bytes = int(Headers(scope=scope).get("content-length", "0"))

        async def limited() -> Message:
            self._require(declared_bytes)
            message = await body.receive()
            self._held_bytes += len(message.get("body", b""))
            self._require(body.received_bytes)
            return message

        try:
            await self._app(scope, limited, send)
        finally:
            self._held_bytes -= body.received_bytes

    def _require(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise RequestError(TOO_LARGE, f"A request holds at most {self._max_bytes} bytes. Send a smaller image")
        if self._held_bytes > self._max_total_bytes:
            detail = f"Requests hold {self._max_total_bytes} bytes together. Ask again in {_RETRY_AFTER_S} s"
            raise RequestError(QUEUE_FULL, detail, {"Retry-After": _RETRY_AFTER_S})


class _Body:
    """Counts what has come of one body."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.received_bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self.received_bytes += len(message.get("body", b""))
        return message
