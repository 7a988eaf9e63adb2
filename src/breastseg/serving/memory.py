"""Keeps memory flat over changing image sizes: what a large image took goes back to the system with its answer."""

from __future__ import annotations

import ctypes
import sys

# of <malloc.h>
_M_MMAP_THRESHOLD = -3
# beyond what usual images take, so that only large ones pay for fresh pages
_LARGE_BYTES = 4 * 2**20


def return_large_blocks() -> None:
    """Let the C library return blocks of 4 MiB and more as soon as they are freed.

    The GNU library raises that limit to 32 MiB by itself and then keeps such blocks, for each thread anew. Systems
    other than Linux, and other C libraries, have no such switch.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
