"""HTTP protocol of the service: uvicorn's, with bounds on what a client may send and hold before it is understood.

What is not a request gets a problem like any other error. Beyond uvicorn's protocol, a client that has closed its own
side gets its response (RFC 9112, 9.6), and a request to upgrade, such as to HTTP/2, keeps its body (RFC 9110, 7.8: a
server may ignore the upgrade).
"""

from __future__ import annotations

import secrets
import socket
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from breastseg.serving.lingering import LingeringTransport
from breastseg.serving.problems import (
    HEADER_TIMEOUT,
    HEADERS_TOO_LARGE,
    MALFORMED,
    MEDIA_TYPE,
    NO_CONNECTION,
    Kind,
)
from breastseg.serving.request_id import HEADER
from breastseg.serving.schemas import ProblemDetails
from breastseg.serving.security_headers import API

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from breastseg.serving.connection_limits import ConnectionLimits

MAX_HEADER_BYTES = 65_536

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
# in the middle of a request, nobody is kept waiting for less
_BUSY_S = 1.0
# when to look whether a client that has closed its own side is still there, in seconds
_LOOKS_S = (0.05, 0.2, 1.0)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a limit on what is no body: each byte of an endless header costs time and memory, no key.

    Headers, what stands between two chunks of a body, and trailers are bounded alike.

    Args:
        limits: What a connection may do before it has asked for anything, shared by all.
        **uvicorns: As of uvicorn's protocol.
    """

    _beside_bytes = 0
    """How much has come since the last byte of a body, or the last end of headers or of a request."""
    _headers_are_complete = False
    _is_resumed = False
    """Whether the parser is given headers a second time, see `_unsupported_upgrade_warning`."""
    _data = _rest = b""
    """What is being parsed, and of it what a parser has left over that stopped at a request to upgrade."""
    _late: asyncio.TimerHandle | None = None
    _since = 0.0
    """When the connection was made, or since when its last request has been waited for; see `_waits_since`."""
    _paused_at: float | None = None

    def __init__(self, *, limits: ConnectionLimits, **uvicorns: Any) -> None:  # noqa: ANN401 - not ours
        super().__init__(**uvicorns)
        self._limits = limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        """Take a connection, for which the oldest idle one may have to go."""
        self._lingering = LingeringTransport(transport)
        super().connection_made(self._lingering)  # type: ignore[arg-type] # it has all that a transport has
        self._since = self.loop.time()
        self._expect_headers()
        if len(self.connections) > self._limits.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._cancel_late()
        self._lingering.forget()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait until the client has read some of its response."""
        super().pause_writing()
        self._paused_at = self.loop.time()
        self._lingering.watch_writing()

    def resume_writing(self) -> None:
        """Write on."""
        super().resume_writing()
        self._paused_at = None

    @property
    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return not cycle or cycle.response_complete

    @property
    def _waits_since(self) -> float | None:
        """Since when the client has been waited for; None while the service is at its request."""
        cycle: RequestResponseCycle | None = self.cycle
        if self._is_idle:
            return self._since
        if self._paused_at is not None:
            return self._paused_at
        return self._since if cycle and cycle.more_body else None

    def _make_room(self) -> None:
        """Close the connection that is waited for longest; one in the middle of a request not within a second."""
        now = self.loop.time()
        self._limits.warn(now)
        others = (c for c in self.connections if isinstance(c, BoundedProtocol) and c is not self)
        waiting = [
            (not other._is_idle, since, id(other), other)  # noqa: SLF001 - ours
            for other in others
            if not other._lingering.is_gone and (since := other._waits_since) is not None  # noqa: SLF001 - ours
            if other._is_idle or since < now - _BUSY_S  # noqa: SLF001 - ours
        ]
        if waiting:
            # at once: one that lingers would hold its place for seconds
            min(waiting)[-1].transport.abort()
        else:
            # it sends its request before it looks for a response
            self._lingering.has_unread_input = True
            self._refuse(NO_CONNECTION, f"All {self._limits.connections} are in use", (b"retry-after", b"1"))

    def _expect_headers(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self._limits.header_timeout_s, self._headers_are_late)

    def _cancel_late(self) -> None:
        if self._late:
            self._late.cancel()
            self._late = None

    def _headers_are_late(self) -> None:
        if self._lingering.has_unread_input:
            self._refuse(HEADER_TIMEOUT, f"They did not come within {self._limits.header_timeout_s:g} s")
        else:
            self.transport.close()

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio asks whether to stay open
        """Stay open for the response where a whole request is in work: the client may have closed its own side only.

        A client that is gone looks the same, until something is sent to it. So an interim response is sent, which
        clients skip, and its echo looked for.
        """
        cycle: RequestResponseCycle | None = self.cycle
        if self._lingering.is_lingering or not cycle or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        if not cycle.response_started and self.scope["http_version"] == "1.1":
            self.transport.write(_CONTINUE)
            self._look(_LOOKS_S)
        return True

    def _look(self, pauses: tuple[float, ...]) -> None:
        if self.transport.is_closing():
            return
        if self.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.transport.abort()
        elif pauses:
            self.loop.call_later(pauses[0], self._look, pauses[1:])

    def data_received(self, data: bytes) -> None:
        """Take what has come, unless it makes what is no body too large."""
        if self._lingering.is_lingering:
            self._lingering.drop(data)
            return
        if self._beside_bytes > MAX_HEADER_BYTES:
            self._give_up()
            return
        while data and not self.transport.is_closing():
            self._beside_bytes += len(data)
            self._data, self._rest = data, b""
            super().data_received(data)
            data = self._rest

    def on_message_begin(self) -> None:
        """Take headers again."""
        if self._is_resumed:
            return
        self._headers_are_complete, self._lingering.has_unread_input = False, True
        self._expect_headers()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Keep the address."""
        if not self._is_resumed:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, and no trailer: the application holds the same list, and has judged it already."""
        if not self._headers_are_complete:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Count anew."""
        if self._is_resumed:
            return
        self._cancel_late()
        self._since = self.loop.time()
        self._beside_bytes, self._headers_are_complete = 0, True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count anew."""
        self._beside_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count anew."""
        self._beside_bytes = 0
        # the parser takes a request to upgrade for the end of the message, whatever body is to come
        if self._is_resumed or (self.parser.should_upgrade() and self._framing()):
            return
        self._lingering.has_unread_input = False
        super().on_message_complete()

    def _give_up(self) -> None:
        """Refuse, unless an answer is on its way: a second one in its midst would be taken for its body."""
        # uvicorn has none before the first request
        cycle: RequestResponseCycle | None = self.cycle
        if cycle and cycle.response_started and not cycle.response_complete:
            self.transport.close()
        else:
            what = "Headers, trailers and what stands between two chunks hold"
            self._refuse(HEADERS_TOO_LARGE, f"{what} at most {MAX_HEADER_BYTES} bytes each")

    def _framing(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that say how long the body is; of a length of 0, none."""
        return [pair for pair in self.headers if pair[0] in _FRAMING and pair[1].strip(b" \t0")]

    def _unsupported_upgrade_warning(self) -> None:
        """Ignore a request to upgrade: read on as if it had not been there.

        The parser stops behind such headers. A new one gets the length of the body, and the rest.
        """
        stopped = sys.exception()
        framing = self._framing()
        self.parser = httptools.HttpRequestParser(self)
        if framing:
            head = [b"POST / HTTP/1.1", *(b": ".join(pair) for pair in framing), b"", b""]
            self._is_resumed = True
            try:
                self.parser.feed_data(b"\r\n".join(head))
            except httptools.HttpParserError as error:
                self.send_400_response(str(error))
                return
            finally:
                self._is_resumed = False
        if isinstance(stopped, httptools.HttpParserUpgrade):
            self._rest = self._data[stopped.args[0] :]

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request."""
        self._refuse(MALFORMED, msg)

    def _refuse(self, kind: Kind, detail: str, *more: tuple[bytes, bytes]) -> None:
        """Answer without the application, which never hears of it, and close."""
        request_id = secrets.token_hex(16)
        problem = ProblemDetails(
            type=kind.type, title=kind.title, status=kind.status, detail=detail, request_id=request_id
        )
        body = problem.model_dump_json().encode()
        headers = [
            *API,
            (HEADER.lower().encode(), request_id.encode()),
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *more,
        ]
        status = HTTPStatus(kind.status)
        head = [f"HTTP/1.1 {status.value} {status.phrase}".encode(), *(b": ".join(pair) for pair in headers), b"", body]
        self.transport.write(b"\r\n".join(head))
        self.transport.close()
