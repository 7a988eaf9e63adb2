"""Has Ctrl-C, SIGTERM and a closed terminal end a call alike, and once, and with it the processes that it started."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def as_interrupt() -> Iterator[None]:
    """Have the first of these signals raise KeyboardInterrupt, and ignore the others; nohup's SIGHUP stays ignored."""
    with _restored() as before:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, _interrupt)
            elif number is signal.SIGINT:
                # so in a shell's background job; what is started here would inherit that, and is to hear it from us
                signal.signal(number, _pass_by)
        yield


@contextmanager
def ignored() -> Iterator[None]:
    """Let none of them interrupt what is under way."""
    with _restored():
        _ignore()
        yield


@contextmanager
def ended_with_us(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Have a process and all below it end as by Ctrl-C when an exception leaves this block, and wait for it.

    Args:
        process: It leads a session of its own, so that a terminal's Ctrl-C does not reach it by itself as well.
    """
    try:
        yield
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait()
        raise


@contextmanager
def _restored() -> Iterator[dict[signal.Signals, Any]]:
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield before
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _pass_by(_signal: int, _frame: FrameType | None) -> None:
    pass


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    _ignore()
    raise KeyboardInterrupt
