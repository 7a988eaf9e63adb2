"""Headers that tell browsers to trust an answer with nothing; a route that needs more sets its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.serving.answer_headers import adding
from breastseg.serving.paths import is_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_EVERYWHERE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
)
# an answer is about somebody's image: no cache keeps it
API = (*_EVERYWHERE, (b"cache-control", b"no-store"))


class SecurityHeaders:
    """ASGI layer that adds each of these headers where the route has not set it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the headers of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, adding(send, _EVERYWHERE if is_page(scope) else API))
