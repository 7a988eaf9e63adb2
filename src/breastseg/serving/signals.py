"""What a supervisor's signals do before a server takes them; light, for it comes before all other imports."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def take_signals() -> None:
    """Let SIGTERM end the process with status 0, and SIGHUP do nothing, until a server takes them itself.

    Of themselves both kill: a supervisor would see a failure, and word of a new model would end a service that starts.
    """
    # uvicorn shuts down in order and then raises the signal again, which would end the process with it
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # a supervisor may repeat itself: an exception in the middle of the interpreter's end would leave threads unjoined
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)
