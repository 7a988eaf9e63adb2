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
    answer, left = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    left.add_done_callback(lambda _: answer.cancel())
    try:
        return await answer
    except asyncio.CancelledError:
        # else it was the server that ended the request
        if left.done():
            raise ClientLeftError from None
        raise
    finally:
        answer.cancel()
        left.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
