"""Who leaves ends the work, who stays has it, and the server's own cancelling is told apart from both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request

from breastseg.serving.disconnect import ClientLeftError, unless_client_leaves

if TYPE_CHECKING:
    from starlette.types import Message


class Connection:
    """A connection whose client leaves when it is told to."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    def request(self) -> Request:
        return Request({"type": "http", "headers": []}, self.receive)


async def work_for(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


def test_the_answer_comes_to_who_stays() -> None:
    async def stay() -> str:
        return await unless_client_leaves(Connection().request(), work_for(0))

    assert asyncio.run(stay()) == "done"


def test_the_work_ends_when_the_client_leaves_and_the_task_goes_on() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def leave() -> str:
        connection = Connection()
        asyncio.get_running_loop().call_later(0.01, connection.gone.set)
        with pytest.raises(ClientLeftError):
            await unless_client_leaves(connection.request(), work())
        # nothing of the cancelling is left
        return await work_for(0.01)

    assert asyncio.run(leave()) == "done"
    assert ended == [True]


def test_a_client_that_leaves_as_its_answer_is_there_cancels_nothing_later() -> None:
    async def leave_at_the_end() -> str:
        connection = Connection()

        async def work() -> str:
            await asyncio.sleep(0)
            connection.gone.set()
            # the watch has seen it, and its callback waits in the loop
            await asyncio.sleep(0)
            return "done"

        assert await unless_client_leaves(connection.request(), work()) == "done"
        return await work_for(0.01)

    assert asyncio.run(leave_at_the_end()) == "done"


def test_the_servers_own_cancelling_stays_one() -> None:
    async def cancel() -> None:
        task = asyncio.create_task(unless_client_leaves(Connection().request(), work_for(60)))
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())


def test_the_servers_own_cancelling_wins_over_a_client_that_leaves_with_it() -> None:
    async def cancel() -> None:
        connection = Connection()
        task = asyncio.create_task(unless_client_leaves(connection.request(), work_for(60)))
        await asyncio.sleep(0.01)
        connection.gone.set()
        # the watch ends, then its callback cancels; the server does in the same moment
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
