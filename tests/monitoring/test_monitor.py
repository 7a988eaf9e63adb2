"""Alarms are raised and lowered by several judgements, and a restart forgets nothing."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError
from breastseg.monitoring.monitor import Alarm, Monitor
from breastseg.monitoring.windows import Drift, FeatureDrift, Rules
from tests.monitoring.test_windows import FEATURES, PROFILE, RNG, distribution_of, make_assessment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RULES = Rules(fewest=40, level=0.01)
START, SLOT_S = 3600.0 * 1000, 300.0


def make_monitor(file: Path | None = None, contract: str = "a" * 64) -> Monitor:
    return Monitor(PROFILE, contract, RULES, file)


def fill(monitor: Monitor, slots: range, shift: float) -> None:
    for slot in slots:
        for number in range(50):
            monitor.add(make_assessment(shift), START + SLOT_S * slot + number)


def drift(p_value: float | None) -> Drift:
    """A judgement whose surest feature has this p-value; None: there were too few images."""
    features = {} if p_value is None else {"a": FeatureDrift(0.1, p_value, drifted=p_value < 0.05)}
    return Drift(100, p_value is not None, 0.0, 0.8, None, features)


def heard(alarm: Alarm, p_values: Sequence[float | None]) -> str:
    """A letter a judgement: R while the alarm is raised."""
    letters = ""
    for p_value in p_values:
        alarm.hear(drift(p_value))
        letters += "R" if alarm.raised else "-"
    return letters


def test_an_alarm_changes_after_so_many_judgements_in_a_row() -> None:
    sure, unsure, none = 0.0001, 0.01, 0.5
    alarm = Alarm(looks=2, level=0.001, slots=5)
    # what is drifted, but not surely, neither raises nor lowers it
    p_values = (sure, none, unsure, unsure, sure, sure, none, sure, unsure, unsure, none, none)
    assert heard(alarm, p_values) == "-----RRRRRR-"


def test_the_reason_says_what_is_missing_for_a_change() -> None:
    alarm = Alarm(looks=2, level=0.001, slots=5)
    few = Drift(12, enough=False, out_of_distribution_share=0.0, expected_dice=None, empty_rate=None, features={})
    assert alarm.reason(few, 50) == "12 of at least 50 images: too few to be evaluated."
    assert alarm.reason(drift(0.5), 50) == "No feature differs from the reference by more than chance."
    assert alarm.reason(drift(0.01), 50) == (
        "These features differ from the reference: a. An alarm needs a p-value below 0.001, the smallest is 0.01."
    )
    alarm.hear(drift(0.0001))
    raising = "2 evaluations in a row with a p-value below 0.001 raise the alarm, 1 so far."
    assert alarm.reason(drift(0.0001), 50) == f"These features differ from the reference: a. {raising}"
    alarm.hear(drift(0.0001))
    lowering = "2 evaluations in a row without a difference lower the alarm"
    assert alarm.reason(drift(0.0001), 50) == f"These features differ from the reference: a. {lowering}, 0 so far."
    alarm.hear(drift(0.5))
    assert alarm.reason(drift(0.5), 50) == f"No feature differs from the reference now. {lowering}, 1 so far."
    assert alarm.reason(few, 50) == (
        "12 of at least 50 images: too few to be evaluated. 5 times in a row lower a raised alarm, 0 so far."
    )


def test_a_window_says_when_it_is_evaluated_next() -> None:
    found = make_monitor().status(START + 10)
    assert (found["hour"].next_evaluation, found["day"].next_evaluation) == (START + SLOT_S, START + 3600)


def test_an_alarm_is_lowered_when_nothing_is_known_any_more() -> None:
    alarm = Alarm(looks=2, level=0.001, slots=3)
    assert heard(alarm, (0.0, 0.0, None, None, 0.0, None, None, None, None)) == "-RRRRRR--"


@pytest.mark.extended
def test_of_days_without_drift_few_have_an_alarm() -> None:
    """An image a minute: the windows of a day overlap, and there are 312 judgements."""
    days = 20
    alarms = 0
    for _ in range(days):
        reference = RNG.normal(size=(150, 8))
        names = FEATURES[:8]
        distributions = {name: distribution_of(column) for name, column in zip(names, reference.T, strict=True)}
        monitor = Monitor(PROFILE.model_copy(update={"distributions": distributions}), "a", Rules(40, 0.05), None)
        raised = False
        for minute in range(1440):
            now = START + 60 * minute
            monitor.add(make_assessment(out=bool(RNG.random() < 0.05)), now)
            if minute % 5 == 0:
                raised = raised or any(status.alarm for status in monitor.status(now).values())
        alarms += raised
    assert alarms <= 3


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


def test_an_alarm_is_lowered_though_nobody_looks_for_hours() -> None:
    monitor = make_monitor()
    fill(monitor, range(3), shift=3.0)
    assert monitor.status(START + 3 * SLOT_S)["hour"].alarm
    # the images leave the window after an hour; an hour later nothing has been known for as long as it is
    assert monitor.status(START + 13 * SLOT_S)["hour"].alarm
    assert not monitor.status(START + 30 * SLOT_S)["hour"].alarm


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


def test_who_only_looks_keeps_the_counts_too(tmp_path: Path) -> None:
    """A scraper sees each slot end before an image does."""
    file = tmp_path / "drift.json"
    monitor = make_monitor(file)
    for slot in range(3):
        fill(monitor, range(slot, slot + 1), shift=0)
        monitor.status(START + SLOT_S * (slot + 1))
    assert make_monitor(file).status(START + SLOT_S * 3)["hour"].drift.images == 150


def test_how_far_an_alarm_had_come_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "drift.json"
    before = make_monitor(file)
    fill(before, range(1), shift=3)
    before.status(START + SLOT_S)
    assert not before.status(START + SLOT_S)["hour"].alarm
    after = make_monitor(file)
    fill(after, range(1, 2), shift=3)
    assert after.status(START + SLOT_S * 2)["hour"].alarm


def test_a_slow_disk_holds_up_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, free = threading.Event(), threading.Event()

    def write(path: Path, text: str, **_: object) -> int:
        entered.set()
        assert free.wait(30)
        return path.write_bytes(text.encode())

    monitor = make_monitor(tmp_path / "drift.json")
    monkeypatch.setattr(type(tmp_path), "write_text", write)
    saving = threading.Thread(target=monitor.save)
    saving.start()
    assert entered.wait(30)
    monitor.add(make_assessment(), START)
    assert monitor.status(START)["hour"].drift.images == 1
    free.set()
    saving.join()


def test_counts_of_another_model_are_left(tmp_path: Path) -> None:
    file = tmp_path / "drift.json"
    before = make_monitor(file)
    fill(before, range(1), shift=0)
    before.save()
    assert make_monitor(file, "b" * 64).status(START)["hour"].drift.images == 0


def damaged(state: str, old: str, new: str) -> str:
    assert old in state
    return state.replace(old, new, 1)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e300", "-1.0", "0.5", "null", "1" * 5000])
@pytest.mark.parametrize("column", range(5))
def test_damaged_counts_are_refused_at_start(tmp_path: Path, column: int, value: str) -> None:
    file = tmp_path / "drift.json"
    before = make_monitor(file)
    fill(before, range(2), shift=0)
    before.save()
    whole = json.loads(file.read_text())
    slots = whole["windows"]["hour"]["slots"]
    (slot,) = [slot for slot in slots if slot[0]][:1]
    slot[column] = "here"
    file.write_text(json.dumps(whole).replace('"here"', value))
    # the sum of expected Dice is the one that need not be whole
    if (column, value) == (3, "0.5"):
        assert make_monitor(file).status(START + SLOT_S)["hour"].drift.images == 100
        return
    with pytest.raises(BreastsegError, match=r"drift\.json holds no counts of this service"):
        make_monitor(file)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"against": 0', '"against": -1'),
        ('"against": 0', '"against": 2'),
        ('"blind": ', '"blind": -1'),
        ('"newest": ', '"newest": -'),
        ('"newest": ', '"newest": 9999'),
        ("[", "[" * 100_000),
    ],
    ids=["against", "against-many", "blind", "newest", "to-come", "nested"],
)
def test_a_damaged_state_is_refused_at_start(tmp_path: Path, old: str, new: str) -> None:
    file = tmp_path / "drift.json"
    before = make_monitor(file)
    fill(before, range(1), shift=0)
    before.save()
    file.write_text(damaged(file.read_text(), old, new))
    with pytest.raises(BreastsegError, match=r"drift\.json holds no counts of this service"):
        make_monitor(file)


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
