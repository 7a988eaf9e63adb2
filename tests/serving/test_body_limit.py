from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from breastseg.serving.body_limit import BodyLimit
from breastseg.serving.problems import RequestError

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send


class Body:
    """A client that sends the chunks, and counts how many were asked for."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = list(chunks)
        self.asked = 0

    async def receive(self) -> Message:
        self.asked += 1
        body = self._chunks.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self._chunks)}


async def read_all(_scope: Scope, receive: Receive, _send: Send) -> None:
    while (await receive()).get("more_body"):
        pass


async def send_nothing(_message: Message) -> None:
    raise AssertionError("the layer answers nothing itself")


def pass_through(body: Body, max_bytes: int, **headers: str) -> None:
    scope: dict[str, Any] = {
        "type": "http",
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
    }
    anyio.run(BodyLimit(read_all, max_bytes, 10**9), scope, body.receive, send_nothing)


def test_a_body_of_the_cap_passes() -> None:
    body = Body(b"12345", b"67890")
    pass_through(body, 10, content_length="10")
    assert body.asked == 2


def test_of_a_declared_length_beyond_the_cap_nothing_is_read() -> None:
    body = Body(b"12345", b"678901")
    with pytest.raises(RequestError, match="413"):
        pass_through(body, 10, content_length="11")
    assert body.asked == 0


def test_reading_stops_at_the_chunk_that_goes_beyond() -> None:
    body = Body(b"12345", b"678901", b"more", b"and more")
    with pytest.raises(RequestError, match="413"):
        pass_through(body, 10)
    assert body.asked == 2


def test_a_body_longer_than_declared_is_counted_all_the_same() -> None:
    body = Body(b"12345", b"678901")
    with pytest.raises(RequestError, match="413"):
        pass_through(body, 10, content_length="5")


def test_bodies_are_bounded_together_and_let_go_with_their_answers() -> None:
    seen: list[str] = []

    async def read_and_wait(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        seen.append("read")
        await gate.wait()

    limit = BodyLimit(read_and_wait, 10, 12)
    gate = anyio.Event()

    async def ask() -> None:
        await limit({"type": "http", "headers": []}, Body(b"12345678").receive, send_nothing)

    async def scenario() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.sleep(0.01)
            with pytest.raises(RequestError, match="503") as refused:
                await ask()
            assert refused.value.headers == {"Retry-After": "1"}
            gate.set()
        await ask()

    anyio.run(scenario)
    assert seen == ["read", "read"]
