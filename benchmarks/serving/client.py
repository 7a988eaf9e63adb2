"""A closed loop of clients that costs little itself: what it takes of the processor, the server does not have.

Requests are written as the bytes that they are on the wire, once; answers need a `Content-Length`.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OK = 200
_BOUNDARY = "breastseg-benchmark"


@dataclass(frozen=True)
class Answer:
    """What came back for one request.

    Attributes:
        index: Which of the requests it was.
        started: When it was sent, in seconds of `time.perf_counter`.
        seconds: From its first byte sent to the answer's last byte read.
        status: HTTP status; 0 if the connection broke.
        body: The answer's body.
    """

    index: int
    started: float
    seconds: float
    status: int
    body: bytes


class Connection:
    """One connection that is kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to `http://HOST:PORT`."""
        address = urlsplit(url)
        return cls(*await asyncio.open_connection(address.hostname, address.port))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and return the answer's status and body.

        Raises:
            OSError: The connection broke.
            EOFError: The server closed it.
        """
        self._writer.write(request)
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(head.split(b" ", 2)[1]), await self._reader.readexactly(length)

    def close(self) -> None:
        """Close it."""
        self._writer.close()


def get_request(path: str) -> bytes:
    """Return a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: benchmark\r\n\r\n".encode()


def upload_request(path: str, image: bytes, accept: str = "*/*") -> bytes:
    """Return a POST request with an image in the multipart field `file`."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="image"\r\n\r\n'.encode()
    body = head + image + f"\r\n--{_BOUNDARY}--\r\n".encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: benchmark",
        f"Accept: {accept}",
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def closed_loop(url: str, requests: Sequence[bytes], clients: int, seconds: float) -> list[Answer]:
    """Let clients ask one request after the other, each the next one of all, until the time is over."""
    turns = itertools.cycle(range(len(requests)))
    end = time.perf_counter() + seconds
    found = await asyncio.gather(*(_client(url, requests, turns, end) for _ in range(clients)))
    return sorted(itertools.chain.from_iterable(found), key=lambda answer: answer.started)


async def _client(url: str, requests: Sequence[bytes], turns: Iterator[int], end: float) -> list[Answer]:
    answers: list[Answer] = []
    connection = await Connection.open(url)
    while time.perf_counter() < end:
        index, started = next(turns), time.perf_counter()
        try:
            status, body = await connection.ask(requests[index])
        except (OSError, EOFError):
            status, body = 0, b""
            connection.close()
            connection = await Connection.open(url)
        answers.append(Answer(index, started, time.perf_counter() - started, status, body))
    connection.close()
    return answers
