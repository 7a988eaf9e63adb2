"""Alarms are raised and lowered by several judgements, and a restart forgets nothing."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError
from breastseg.monitoring.monitor import Alarm, Monitor
from breastseg.monitoring.windows import Rules
from tests.monitoring.test_windows import FEATURES, PROFILE, make_assessment

if TYPE_CHECKING:
    from pathlib import Path

RULES = Rules(fewest=40, level=0.01)
START, SLOT_S = 3600.0 * 1000, 300.0


def make_monitor(file: Path | None = None, contract: str = "a" * 64) -> Monitor:
    return Monitor(PROFILE, contract, RULES, file)


def fill(monitor: Monitor, slots: range, shift: float) -> None:
    for slot in slots:
        for number in range(50):
            monitor.add(make_assessment(shift), START + SLOT_S * slot + number)


def test_an_alarm_changes_after_so_many_judgements_in_a_row() -> None:
    alarm, heard = Alarm(2), []
    for drifted in (True, False, True, True, False, True, False, False):
        alarm.hear(drifted=drifted)
        heard.append(alarm.raised)
    assert heard == [False, False, False, True, True, True, True, False]


def test_a_shift_raises_the_alarm_and_its_end_lowers_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "breastseg.monitoring.monitor")
    monitor = make_monitor()
    fill(monitor, range(3), shift=0)
    assert not monitor.status(START + SLOT_S * 3)["hour"].alarm
    fill(monitor, range(3, 9), shift=3)
    assert monitor.status(START + SLOT_S * 9)["hour"].alarm
    assert caplog.messages == [f"Images of the last hour differ from the reference: {FEATURES[0]}"]
    fill(monitor, range(9, 25), shift=0)
    assert not monitor.status(START + SLOT_S * 25)["hour"].alarm
    assert "Images of the last hour are like the reference again" in caplog.messages


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "state" / "drift.json"
    before = make_monitor(file)
    fill(before, range(5), shift=3)
    before.save()
    now = START + SLOT_S * 4 + 60
    assert make_monitor(file).status(now) == before.status(now)
    assert before.status(now)["hour"].alarm


def test_a_kill_loses_no_more_than_the_slot_it_falls_into(tmp_path: Path) -> None:
    file = tmp_path / "drift.json"
    fill(make_monitor(file), range(4), shift=0)
    # nothing has told it to save: three slots had ended, and the first image of the fourth ended the third
    assert make_monitor(file).status(START + SLOT_S * 3 + 60)["hour"].drift.images == 151


def test_counts_of_another_model_are_left(tmp_path: Path) -> None:
    file = tmp_path / "drift.json"
    before = make_monitor(file)
    fill(before, range(1), shift=0)
    before.save()
    assert make_monitor(file, "b" * 64).status(START)["hour"].drift.images == 0


@pytest.mark.parametrize("content", [b"{}", b"no json", b""])
def test_a_file_of_something_else_is_never_taken_for_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "drift.json"
    file.write_bytes(content)
    with pytest.raises(BreastsegError, match=r"drift\.json holds no counts.*Remove it"):
        make_monitor(file)
    assert file.read_bytes() == content


def test_a_file_that_cannot_be_written_is_told_and_work_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monitor = make_monitor(tmp_path / "file" / "drift.json")
    fill(monitor, range(1), shift=0)
    monitor.save()
    assert "cannot be kept over a restart" in caplog.text
    assert monitor.status(START + 60)["hour"].drift.images == 50


def test_several_threads_lose_no_image() -> None:
    monitor, assessment = make_monitor(), make_assessment()

    def add_many() -> None:
        for _ in range(500):
            monitor.add(assessment, START)

    threads = [threading.Thread(target=add_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert monitor.status(START)["hour"].drift.images == 2000
