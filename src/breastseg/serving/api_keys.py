"""Lets in who has a key, before a byte of the body is read. Every path needs one unless `paths` lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.serving.paths import is_admin, is_open
from breastseg.serving.problems import UNAUTHORIZED, RequestError, respond

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from breastseg.serving.key_ring import KeyRing

HEADER = "X-API-Key"
_HEADER = HEADER.lower().encode()
_BEARER = b"bearer "
_KEY_NAME = "breastseg.key_name"


def key_name(scope: Scope) -> str | None:
    """Return the name of the key that let the request in; `None` where none was needed."""
    name: str | None = scope.get(_KEY_NAME)
    return name


class ApiKeys:
    """ASGI layer that answers 401 to who has no key.

    Args:
        app: The layers inside.
        ring: The keys; `None` lets everybody in, but for what is the operator's.
    """

    def __init__(self, app: ASGIApp, ring: KeyRing | None) -> None:
        self._app = app
        self._ring = ring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and not is_open(scope) and (refusal := self._refusal(scope)):
            await respond(refusal)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> RequestError | None:
        if self._ring is None:
            return _refuse("The service has no keys: its operator sets them first") if is_admin(scope) else None
        presented = _presented(scope)
        if presented is None:
            return _refuse(f"Send a key as `Authorization: Bearer …` or as `{HEADER}: …`; the operator has it")
        scope[_KEY_NAME] = self._ring.name_of(presented)
        if scope[_KEY_NAME] is None:
            return _refuse("The key is not known, or no longer. Ask the operator for one", ', error="invalid_token"')
        return None


def _refuse(detail: str, error: str = "") -> RequestError:
    return RequestError(UNAUTHORIZED, detail, {"WWW-Authenticate": f'Bearer realm="breastseg"{error}'})


def _presented(scope: Scope) -> bytes | None:
    bearer = None
    for name, value in scope["headers"]:
        if name == _HEADER:
            # the one that is ours alone: a proxy may have put a token of its own into the other
            key: bytes = value
            return key
        if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
            bearer = value[len(_BEARER) :].strip()
    return bearer
