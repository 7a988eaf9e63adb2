"""The one way that tests wait for something outside their own thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE_S = 240
_PAUSE_S = 0.02


def wait_until(condition: Callable[[], T], *, pause_s: float = _PAUSE_S, shown: Callable[[], str] | None = None) -> T:
    """Return the first true value of `condition`; fail after four minutes, which says nothing about the code's speed.

    Args:
        condition: What to wait for.
        pause_s: Seconds between two looks; more where a look is itself work.
        shown: Gives what else to show when it never comes.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {PATIENCE_S} s, it is still {found!r}. {shown() if shown else ''}")
        time.sleep(pause_s)
    return found
