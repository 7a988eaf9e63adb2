"""Keeps memory flat over images of any size and new models: what they took goes back to the system after them."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# of <malloc.h>
_M_MMAP_THRESHOLD = -3
# beyond what usual images take, so that only large ones pay for fresh pages
_LARGE_BYTES = 4 * 2**20
_LOOK_AGAIN_S = 0.2


def return_large_blocks() -> None:
    """Let the C library return blocks of 4 MiB and more as soon as they are freed.

    The GNU library raises that limit to 32 MiB by itself and then keeps such blocks, for each thread anew. Systems
    other than Linux, and other C libraries, have no such switch.
    """
    if mallopt := _of_the_c_library("mallopt"):
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


async def return_after(last: Callable[[], object | None]) -> None:
    """Wait until the object of a weak reference is gone, then give back what is free in the C library's heaps.

    A model's many small blocks lie between others, and in a heap for each thread: of itself the GNU library returns
    only what is free at a heap's end. Other libraries have no such function, and nothing is done.
    """
    while last() is not None:  # noqa: ASYNC110 - the end of an object sets no event
        await asyncio.sleep(_LOOK_AGAIN_S)
    if malloc_trim := _of_the_c_library("malloc_trim"):
        await asyncio.to_thread(malloc_trim, 0)


def _of_the_c_library(name: str) -> Callable[..., int] | None:
    """Return a function of Linux' C library, where it has it."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
