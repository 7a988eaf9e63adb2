"""A transport that lingers waits for what still comes, and for nobody who takes nothing; the time is the tests' own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from breastseg.serving.lingering import LINGER_S, MOST_DROPPED, MOST_LINGER_S, UNREAD_S, LingeringTransport

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A loop's time and timers."""

    def __init__(self) -> None:
        self.now = 0.0
        self._timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, function: Callable[..., None], *arguments: Any) -> Timer:  # noqa: ANN401 - as asyncio's
        timer = Timer(self.now + delay, lambda: function(*arguments))
        self._timers.append(timer)
        return timer

    def go_on(self, seconds: float) -> None:
        end = self.now + seconds
        while due := sorted((t for t in self._timers if t.at <= end), key=lambda timer: timer.at):
            self.now = due[0].at
            self._timers.remove(due[0])
            if not due[0].is_cancelled:
                due[0].function()
        self.now = end


class Timer:
    def __init__(self, at: float, function: Callable[[], None]) -> None:
        self.at, self.function, self.is_cancelled = at, function, False

    def cancel(self) -> None:
        self.is_cancelled = True


class Transport:
    """Takes notes."""

    def __init__(self) -> None:
        self.buffered = 0
        self.done: list[str] = []

    def is_closing(self) -> bool:
        return bool({"close", "abort"} & set(self.done))

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def can_write_eof(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Callable[[], None]:
        return lambda: self.done.append(name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    return clock


def lingering(own: Transport) -> LingeringTransport:
    transport = LingeringTransport(own)  # type: ignore[arg-type] # it has what is asked for
    transport.has_unread_input = True
    transport.close()
    return transport


@pytest.mark.usefixtures("clock")
def test_without_input_to_come_it_closes_at_once() -> None:
    own = Transport()
    transport = LingeringTransport(own)  # type: ignore[arg-type] # it has what is asked for
    transport.close()
    assert own.done == ["close"]
    assert transport.is_gone


def test_it_lingers_for_as_long_as_something_comes(clock: Clock) -> None:
    own = Transport()
    transport = lingering(own)
    assert own.done == ["write_eof", "resume_reading"]
    for _ in range(4):
        clock.go_on(0.8 * LINGER_S)
        transport.drop(b"more")
    assert not transport.is_gone
    assert transport.is_closing()
    clock.go_on(1.1 * LINGER_S)
    assert own.done[2:] == ["close"]


def test_it_does_not_linger_for_ever(clock: Clock) -> None:
    own = Transport()
    transport = lingering(own)
    while clock.now < MOST_LINGER_S:
        assert "close" not in own.done
        transport.drop(b"more")
        clock.go_on(1)
    clock.go_on(1)
    assert own.done[2:] == ["close"]


@pytest.mark.usefixtures("clock")
def test_it_does_not_drop_without_end() -> None:
    own = Transport()
    transport = lingering(own)
    for _ in range(MOST_DROPPED // 2**20 + 1):
        transport.drop(bytes(2**20))
    assert own.done[2:] == ["close"]


def test_a_client_that_takes_nothing_is_given_up_and_a_slow_one_is_not(clock: Clock) -> None:
    for step, end in ((0, ["abort"]), (1, [])):
        own = Transport()
        own.buffered = 100_000
        transport = LingeringTransport(own)  # type: ignore[arg-type] # it has what is asked for
        transport.watch_writing()
        for _ in range(5):
            own.buffered -= step
            clock.go_on(UNREAD_S)
        assert own.done[:1] == end
        transport.forget()


def test_what_is_left_to_send_when_it_closes_is_watched_too(clock: Clock) -> None:
    own = Transport()
    own.buffered = 10
    transport = LingeringTransport(own)  # type: ignore[arg-type] # it has what is asked for
    transport.close()
    assert not transport.is_gone
    clock.go_on(1.1 * UNREAD_S)
    assert own.done == ["close", "abort"]


def test_a_lost_connection_is_not_watched_any_more(clock: Clock) -> None:
    own = Transport()
    own.buffered = 10
    transport = LingeringTransport(own)  # type: ignore[arg-type] # it has what is asked for
    transport.close()
    transport.forget()
    clock.go_on(2 * UNREAD_S)
    assert own.done == ["close"]
