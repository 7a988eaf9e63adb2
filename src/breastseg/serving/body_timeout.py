"""Gives up on bodies that arrive too slowly: each holds a connection and the memory of what has come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from breastseg.serving.problems import BODY_TIMEOUT, RequestError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyTimeout:
    """ASGI layer that answers 408 when a request's body has not arrived `timeout_s` seconds after its headers.

    The time is counted over the whole body: a byte now and then does not help. The connection is closed, for what is
    left of the body could come at any time.
    """

    def __init__(self, app: ASGIApp, timeout_s: float) -> None:
        self._app = app
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that raises `RequestError` when the time is over."""
        await self._app(scope, self._timed(receive) if scope["type"] == "http" else receive, send)

    def _timed(self, receive: Receive) -> Receive:
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        complete = False

        async def timed() -> Message:
            nonlocal complete
            if complete:
                # what comes now is the end of the connection, and that may take as long as the answer does
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise self._refusal() from None
            complete = not message.get("more_body", False)
            return message

        return timed

    def _refusal(self) -> RequestError:
        detail = f"The body did not arrive within {self._timeout_s:g} s. Send a smaller image, or over a faster line"
        return RequestError(BODY_TIMEOUT, detail, {"Connection": "close"})
