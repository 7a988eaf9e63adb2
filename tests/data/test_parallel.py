"""The map keeps order, gives errors on, and never holds more than a few results."""

from __future__ import annotations

import os

import pytest

from breastseg.data.parallel import CHUNK, ordered_map


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
