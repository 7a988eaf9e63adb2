"""Bounds what a client may send before a request is understood, and answers what is no request as any other error."""

from __future__ import annotations

import secrets
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from breastseg.serving.problems import HEADERS_TOO_LARGE, MALFORMED, MEDIA_TYPE, Kind
from breastseg.serving.request_id import HEADER
from breastseg.serving.schemas import ProblemDetails
from breastseg.serving.security_headers import API

MAX_HEADER_BYTES = 65_536


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a limit on headers: each byte of an endless one costs time and memory, and no key."""

    _header_bytes: int | None = 0
    """How much of the headers has come; None while a body comes, or nothing."""

    def data_received(self, data: bytes) -> None:
        """Take what has come, unless it makes the headers too large."""
        if self._header_bytes is not None and self._header_bytes > MAX_HEADER_BYTES:
            self._refuse(HEADERS_TOO_LARGE, f"Headers hold at most {MAX_HEADER_BYTES} bytes")
            return
        super().data_received(data)
        if self._header_bytes is not None:
            self._header_bytes += len(data)

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._header_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Count no more."""
        self._header_bytes = None
        super().on_headers_complete()

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
