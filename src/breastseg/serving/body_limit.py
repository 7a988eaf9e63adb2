"""Caps request bodies while they arrive, before a parser keeps them; Starlette's own cap answers in plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from breastseg.serving.problems import TOO_LARGE, RequestError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI layer that lets no handler read a body of more than `max_bytes`, declared or chunked.

    A declared length is judged before the first byte is asked for, so that a client that waits for `100 Continue`
    sends none.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that raises `RequestError` when the body is too large."""
        await self._app(scope, self._limited(scope, receive) if scope["type"] == "http" else receive, send)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        declared_bytes = int(Headers(scope=scope).get("content-length", "0"))
        received_bytes = 0

        async def limited() -> Message:
            nonlocal received_bytes
            self._require(declared_bytes)
            message = await receive()
            received_bytes += len(message.get("body", b""))
            self._require(received_bytes)
            return message

        return limited

    def _require(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise RequestError(TOO_LARGE, f"A request holds at most {self._max_bytes} bytes")
