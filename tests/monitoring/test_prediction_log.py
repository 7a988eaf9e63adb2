"""What is acknowledged is in the files, whole, whatever happens to the process and the disk."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from breastseg.errors import BreastsegError
from breastseg.monitoring.prediction import Prediction
from breastseg.monitoring.prediction_log import PARTS, Keeping, PredictionLog, lock_part


def make_prediction(request_id: str = "a") -> Prediction:
    return Prediction(
        time=datetime(2026, 3, 1, 12, tzinfo=UTC),
        request_id=request_id,
        index=0,
        model_version="1",
        contract_sha256="0" * 64,
        height=2,
        width=3,
        features={"brightness": 40.5, "compactness": None},
        novelty=1.5,
        out_of_distribution=False,
        expected_dice=0.75,
        runs=[1, 3, 2],
    )


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob(PARTS))


def lines(folder: Path) -> list[Prediction]:
    whole = [line for part in parts(folder) for line in part.read_bytes().splitlines(keepends=True)]
    # a kill may cut a line that nobody was told of
    return [Prediction.model_validate_json(line) for line in whole if line.endswith(b"\n")]


def is_free(part: Path) -> bool:
    with lock_part(part) as locked:
        return locked


@pytest.mark.parametrize("changes", [{"out_of_distribution": True}, {"features": {"brightness": 40.5, "empty": 1.0}}])
def test_lines_of_earlier_services_lose_an_expected_dice_without_ground(changes: dict[str, object]) -> None:
    line = make_prediction().model_dump(mode="json")
    assert Prediction.model_validate(line).expected_dice == 0.75
    assert Prediction.model_validate(line | changes).expected_dice is None
    assert Prediction.model_validate_json(json.dumps(line | changes)).expected_dice is None


def test_a_line_comes_back_as_it_was(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log", Keeping())
    log.append(make_prediction("a"))
    assert lines(tmp_path / "log") == [make_prediction("a")]
    assert (log.written, log.lost) == (1, 0)


def test_a_line_whose_mask_is_not_whole_is_refused() -> None:
    line = make_prediction().model_dump()
    with pytest.raises(ValidationError, match="no mask of 2 x 3 pixels"):
        Prediction.model_validate(line | {"runs": [1, 3]})
    with pytest.raises(ValidationError, match="no mask of 2 x 3 pixels"):
        Prediction.model_validate(line | {"runs": [8, -4, 2]})


def test_lines_of_several_threads_do_not_mix(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, Keeping(part_bytes=2000))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.append(make_prediction(str(number))), range(200)))
    assert sorted(int(line.request_id) for line in lines(tmp_path)) == list(range(200))
    assert len(parts(tmp_path)) > 10


def test_a_part_is_locked_until_it_is_left(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, Keeping(part_s=0))
    log.append(make_prediction("a"))
    (first,) = parts(tmp_path)
    assert not is_free(first)
    log.append(make_prediction("b"))
    assert is_free(first)
    (second,) = set(parts(tmp_path)) - {first}
    assert not is_free(second)
    log.close()
    assert is_free(second)


def test_a_part_that_is_over_is_left_though_no_line_comes(tmp_path: Path) -> None:
    young, old = PredictionLog(tmp_path / "young", Keeping()), PredictionLog(tmp_path / "old", Keeping(part_s=0))
    for log in (young, old):
        log.append(make_prediction("a"))
        log.rest()
    assert not is_free(*parts(tmp_path / "young"))
    assert is_free(*parts(tmp_path / "old"))


def test_a_part_that_was_removed_while_it_was_opened_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PredictionLog(tmp_path, Keeping()).append(make_prediction("a"))
    part, real = tmp_path / "predictions-x.jsonl", os.open
    part.touch()

    def opened(path: Path, flags: int) -> int:
        file = real(path, flags)
        path.unlink()
        return file

    monkeypatch.setattr("breastseg.monitoring.prediction_log.os.open", opened)
    assert not is_free(part)


def test_parts_that_are_too_old_are_removed(tmp_path: Path) -> None:
    with_old, kept_open = PredictionLog(tmp_path, Keeping()), PredictionLog(tmp_path, Keeping())
    with_old.append(make_prediction("old"))
    kept_open.append(make_prediction("open"))
    with_old.close()
    for part in parts(tmp_path):
        os.utime(part, (0, time.time() - 31 * 86_400))
    other = PredictionLog(tmp_path, Keeping())
    # no image has to come for that
    other.rest()
    assert [line.request_id for line in lines(tmp_path)] == ["open"]
    other.append(make_prediction("new"))
    assert sorted(line.request_id for line in lines(tmp_path)) == ["new", "open"]


def test_an_old_part_that_cannot_be_removed_costs_no_line_and_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / PARTS.replace("*", "old")
    old.write_text("{}")
    os.utime(old, (0, 0))

    def refuse(*_: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("breastseg.monitoring.prediction_log.fcntl.flock", refuse)
    log = PredictionLog(tmp_path, Keeping())
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        log.append(make_prediction("a"))
    assert log.lost == 20
    # a folder that knows no locks: nothing is kept, and nothing is left behind
    assert list(tmp_path.iterdir()) == [old]
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    monkeypatch.undo()
    monkeypatch.setattr(type(old), "unlink", refuse)
    log.append(make_prediction("b"))
    assert (log.written, log.lost) == (1, 20)


def test_a_share_of_the_answers_is_wanted(tmp_path: Path) -> None:
    def wanted(share: float) -> int:
        log = PredictionLog(tmp_path, Keeping(share=share))
        return sum(log.wants() for _ in range(2000))

    assert (wanted(0), wanted(1)) == (0, 2000)
    assert 400 < wanted(0.25) < 600


def test_a_folder_that_nothing_can_be_written_to_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BreastsegError, match="No prediction log can be kept in"):
        PredictionLog(tmp_path / "file", Keeping())


class FullDisk:
    """Stands for `os.write` on a disk that takes some bytes more."""

    def __init__(self, room: int) -> None:
        self.room, self._write = room, os.write

    def __call__(self, file: int, data: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = min(self.room, len(data))
        self.room -= taken
        return self._write(file, data[:taken])


def test_a_full_disk_costs_lines_and_leaves_none_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = PredictionLog(tmp_path, Keeping())
    log.append(make_prediction("a"))
    disk = FullDisk(room=100)
    monkeypatch.setattr("breastseg.monitoring.prediction_log.os.write", disk)
    for _ in range(5):
        log.append(make_prediction("lost"))
    disk.room = 10_000
    log.append(make_prediction("b"))
    assert [line.request_id for line in lines(tmp_path)] == ["a", "b"]
    assert (log.written, log.lost) == (2, 5)
    assert [record.message for record in caplog.records] == [
        "The prediction log loses lines, 1 by now: No space left on device"
    ]


def test_a_folder_that_was_removed_is_not_written_to_for_nothing(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log", Keeping())
    log.append(make_prediction("a"))
    parts(tmp_path / "log")[0].unlink()
    log.append(make_prediction("b"))
    assert [line.request_id for line in lines(tmp_path / "log")] == ["b"]


WRITER = """
import sys
from pathlib import Path
from breastseg.monitoring.prediction_log import Keeping, PredictionLog
from tests.monitoring.test_prediction_log import make_prediction

log = PredictionLog(Path(sys.argv[1]), Keeping(part_bytes=5000))
for number in range(1_000_000):
    log.append(make_prediction(str(number)))
    print(number, flush=True)
"""


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout
        acknowledged = [process.stdout.readline() for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.readlines()
    found = [int(line.request_id) for line in lines(tmp_path)]
    whole = [int(number) for number in acknowledged if number.endswith("\n")]
    assert found[: len(whole)] == whole
    assert all(is_free(part) for part in parts(tmp_path))


@pytest.mark.parametrize("fails", ["write", "ftruncate"])
def test_a_line_that_cannot_be_taken_back_ends_its_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    log = PredictionLog(tmp_path, Keeping())
    log.append(make_prediction("a"))
    with monkeypatch.context() as patched:
        patched.setattr("breastseg.monitoring.prediction_log.os.write", FullDisk(room=10))
        if fails == "ftruncate":
            patched.setattr("breastseg.monitoring.prediction_log.os.ftruncate", refuse)
        log.append(make_prediction("lost"))
    log.append(make_prediction("b"))
    assert len(parts(tmp_path)) == (2 if fails == "ftruncate" else 1)
    assert log.lost == 1
