"""Tests wait in one way, and none asserts how long something takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import waiting
from tests.waiting import wait_until

CLOCKS = re.compile(r"\b(perf_counter|process_time|monotonic|cpu_times|thread_time|getrusage)\b")


def test_returns_the_first_true_value() -> None:
    values = iter([0, "", "found", "later"])
    assert wait_until(lambda: next(values), pause_s=0) == "found"


def test_fails_with_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_S", 0)
    with pytest.raises(pytest.fail.Exception, match=r"it is still \[\]\. the log"):
        wait_until(list, pause_s=0, shown=lambda: "the log")


def test_no_test_reads_a_clock() -> None:
    """A busy machine is slow, and no test may fail for it."""
    folder = Path(__file__).parent
    own = {"waiting.py", "test_waiting.py"}
    files = [path for path in sorted(folder.rglob("*.py")) if path.name not in own]
    assert [path.name for path in files if CLOCKS.search(path.read_text(encoding="utf-8"))] == []
