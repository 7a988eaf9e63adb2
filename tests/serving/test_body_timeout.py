from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from breastseg.serving.body_timeout import BodyTimeout
from breastseg.serving.problems import BODY_TIMEOUT, RequestError

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

SCOPE: dict[str, Any] = {"type": "http", "headers": []}


class Body:
    """A client that sends chunks, each after a wait in seconds, and then stays connected for as long as it is asked."""

    def __init__(self, *waits_s: float, stays_s: float = 0) -> None:
        self._waits_s = list(waits_s)
        self._stays_s = stays_s

    async def receive(self) -> Message:
        if not self._waits_s:
            await asyncio.sleep(self._stays_s)
            return {"type": "http.disconnect"}
        await asyncio.sleep(self._waits_s.pop(0))
        return {"type": "http.request", "body": b"x", "more_body": bool(self._waits_s)}


async def read_all(_scope: Scope, receive: Receive, _send: Send) -> None:
    while (await receive()).get("more_body"):
        pass


async def read_beyond(scope: Scope, receive: Receive, send: Send) -> None:
    await read_all(scope, receive, send)
    assert (await receive())["type"] == "http.disconnect"


async def read_nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    await asyncio.sleep(0.1)


async def send_nothing(_message: Message) -> None:
    raise AssertionError("the layer answers nothing itself")


def test_a_body_in_time_passes() -> None:
    asyncio.run(BodyTimeout(read_all, 60)(SCOPE, Body(0, 0.01, 0).receive, send_nothing))


@pytest.mark.parametrize("waits_s", [(60.0,), (0, 60), (0.02,) * 3000])
def test_one_that_is_late_is_given_up_however_it_comes(waits_s: tuple[float, ...]) -> None:
    with pytest.raises(RequestError) as error:
        asyncio.run(BodyTimeout(read_all, 0.1)(SCOPE, Body(*waits_s).receive, send_nothing))
    assert error.value.kind is BODY_TIMEOUT
    assert error.value.headers == {"Connection": "close"}
    assert "within 0.1 s" in error.value.detail


def test_once_it_is_here_a_connection_may_last_as_long_as_it_likes() -> None:
    asyncio.run(BodyTimeout(read_beyond, 0.5)(SCOPE, Body(0, 0, stays_s=0.7).receive, send_nothing))


def test_who_reads_no_body_is_not_hurried() -> None:
    asyncio.run(BodyTimeout(read_nothing, 0.01)(SCOPE, Body(60).receive, send_nothing))
