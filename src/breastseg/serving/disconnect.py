"""Ends the work for a client that has left, so that it holds no place in the queue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.requests import Request

T = TypeVar("T")


class ClientLeftError(Exception):
    """The client closed the connection before its answer was there."""


async def unless_client_leaves(request: Request, work: Coroutine[object, object, T]) -> T:
    """Await the work; cancel it when the client leaves.

    Args:
        request: A request whose body has been read to its end.
        work: What the answer is made of.

    Raises:
        ClientLeftError: The client left first.
    """
    # the work is awaited in this very task: one of its own would wake the event loop once more for each answer
    watch = _Watch(asyncio.current_task())
    left = asyncio.create_task(_left(request))
    left.add_done_callback(watch.end)
    try:
        return await work
    except asyncio.CancelledError:
        # else it was the server that ended the request
        if watch.ended:
            raise ClientLeftError from None
        raise
    finally:
        watch.open = False
        left.cancel()


class _Watch:
    """Cancels a task once, while it is open: a client may leave in the very moment in which its answer is there."""

    def __init__(self, task: asyncio.Task[object] | None) -> None:
        self._task = task
        self.open, self._asked = True, False

    def end(self, _left: asyncio.Task[None]) -> None:
        if self._task is not None and self.open:
            self._asked = self._task.cancel()

    @property
    def ended(self) -> bool:
        """Whether the task was cancelled by this and by nobody else; that is taken back."""
        return self._asked and self._task is not None and self._task.uncancel() == 0


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
