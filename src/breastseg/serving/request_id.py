"""One id a request, so that an answer, an error and the log's lines can be laid side by side."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from typing import TYPE_CHECKING

from breastseg.serving.answer_headers import adding

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

HEADER = "X-Request-Id"
_HEADER = HEADER.lower().encode()
# no line break, quote or blank: an id goes into logs and headers as it is
_ACCEPTED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """Return the id of the request in work, in its threads too; empty outside of a request."""
    return _current.get()


class RequestId:
    """ASGI layer that takes a client's id of 1 to 64 of `A-Za-z0-9._-`, else makes one, and sends it back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the id and add it to the answer's headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _accepted(scope) or secrets.token_hex(16)
        # never reset: the server may still log about the request, and each runs in a task of its own
        _current.set(request_id)
        await self._app(scope, receive, adding(send, [(_HEADER, request_id.encode())]))


def _accepted(scope: Scope) -> str | None:
    given = next((value for name, value in scope["headers"] if name == _HEADER), b"")
    return given.decode("ascii") if _ACCEPTED.fullmatch(given) else None
