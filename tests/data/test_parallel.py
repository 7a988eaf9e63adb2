"""The map keeps order, gives errors on, and never holds more than a few results."""

from __future__ import annotations

import os
import threading

import pytest

from breastseg.data.parallel import CHUNK, ordered_map, threaded_map


def _square(number: int) -> int:
    return number * number


def _process(_: int) -> int:
    return os.getpid()


def _refuse(number: int) -> int:
    if number == CHUNK:
        raise ValueError("no")
    return number


def test_results_come_in_order() -> None:
    numbers = range(5 * CHUNK + 1)
    assert list(ordered_map(_square, numbers, workers=2)) == [n * n for n in numbers]


def test_many_items_go_to_other_processes_and_few_do_not() -> None:
    assert os.getpid() not in set(ordered_map(_process, range(3 * CHUNK), workers=2))
    assert set(ordered_map(_process, range(CHUNK), workers=2)) == {os.getpid()}


def test_an_error_comes_through() -> None:
    with pytest.raises(ValueError, match="no"):
        list(ordered_map(_refuse, range(3 * CHUNK), workers=2))


def test_nothing_gives_nothing() -> None:
    assert list(ordered_map(_square, [])) == []


def test_threads_keep_order_and_stay_in_this_process() -> None:
    assert list(threaded_map(_square, range(50), workers=3)) == [n * n for n in range(50)]
    assert set(threaded_map(_process, range(9), workers=3)) == {os.getpid()}


def test_threads_work_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=30)
    assert len(list(threaded_map(lambda _: meeting.wait(), range(2), workers=2))) == 2


def test_threads_read_only_a_few_items_ahead() -> None:
    source = iter(range(1000))
    results = threaded_map(_square, source, workers=2)
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert next(source) <= 5 + 4


def test_an_error_in_a_thread_comes_through() -> None:
    with pytest.raises(ValueError, match="no"):
        list(threaded_map(_refuse, range(3 * CHUNK), workers=2))
