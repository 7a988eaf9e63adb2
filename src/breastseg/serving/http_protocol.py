"""Bounds what a client may send before a request is understood, and answers what is no request as any other error."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from breastseg.serving.problems import HEADERS_TOO_LARGE, MALFORMED, MEDIA_TYPE, Kind
from breastseg.serving.request_id import HEADER
from breastseg.serving.schemas import ProblemDetails
from breastseg.serving.security_headers import API

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

MAX_HEADER_BYTES = 65_536


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a limit on what is no body: each byte of an endless header costs time and memory, no key.

    Headers, what stands between two chunks of a body, and trailers are bounded alike.
    """

    _beside_bytes = 0
    """How much has come since the last byte of a body, or the last end of headers or of a request."""
    _headers_are_complete = False

    def data_received(self, data: bytes) -> None:
        """Take what has come, unless it makes what is no body too large."""
        if self._beside_bytes > MAX_HEADER_BYTES:
            self._give_up()
            return
        self._beside_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Take headers again."""
        self._headers_are_complete = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, and no trailer: the application holds the same list, and has judged it already."""
        if not self._headers_are_complete:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Count anew."""
        self._beside_bytes, self._headers_are_complete = 0, True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count anew."""
        self._beside_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count anew."""
        self._beside_bytes = 0
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

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing of a wish that HTTP lets a server pass over: the request is answered, and has its line."""

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request."""
        self._refuse(MALFORMED, msg)

    def _refuse(self, kind: Kind, detail: str) -> None:
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
        ]
        status = HTTPStatus(kind.status)
        head = [f"HTTP/1.1 {status.value} {status.phrase}".encode(), *(b": ".join(pair) for pair in headers), b"", body]
        self.transport.write(b"\r\n".join(head))
        self.transport.close()
