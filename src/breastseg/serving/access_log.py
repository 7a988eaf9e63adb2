"""One line a request, refused and failed ones too; nothing of an image, no file name, no key, no query."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING

from breastseg.serving.api_keys import key_name

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

# a client can make a path as long as the server takes headers
_MAX_PATH = 256
_SERVER_ERRORS = 500


class AccessLog:
    """ASGI layer that logs each request at its end, with the trace of the fault that ended it.

    Args:
        app: The layers inside.
        with_client: Whether the client's address is logged.
    """

    def __init__(self, app: ASGIApp, *, with_client: bool) -> None:
        self._app = app
        self._with_client = with_client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        failure: Exception | None = None
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:
            failure = error
            # what has been answered in full goes no further: the server would log the same trace again
            if not exchange.complete:
                raise
        finally:
            self._log(scope, exchange, failure)

    def _log(self, scope: Scope, exchange: _Exchange, failure: Exception | None) -> None:
        level = _level(exchange.status, failure)
        if logger.isEnabledFor(level):
            fields = exchange.measures() | {"key": key_name(scope)}
            if self._with_client:
                fields["client"] = scope["client"][0] if scope.get("client") else None
            fields = {"method": scope["method"], "path": scope["path"][:_MAX_PATH]} | fields
            logger.log(level, "request", exc_info=failure, extra={"fields": fields})


class _Exchange:
    """Counts what passes between a client and the layers inside."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._started = perf_counter()
        self._bytes_in = 0
        self._bytes_out = 0
        self.status: int | None = None
        self.complete = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._bytes_out += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        await self._send(message)

    def measures(self) -> dict[str, object]:
        """Return the status, null where the client left before an answer, bytes of both bodies and milliseconds."""
        return {
            "status": self.status,
            "bytes_in": self._bytes_in,
            "bytes_out": self._bytes_out,
            "duration_ms": round((perf_counter() - self._started) * 1000, 2),
        }


def _level(status: int | None, failure: Exception | None) -> int:
    if failure:
        return logging.ERROR
    return logging.WARNING if status is not None and status >= _SERVER_ERRORS else logging.INFO
