"""Nothing that was kept is lost or doubled on its way, wherever it goes and whenever it is interrupted."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.monitoring.prediction_log import PARTS
from breastseg.prediction_logs.compact import Compacted, compact
from breastseg.prediction_logs.read import read_predictions
from breastseg.storage import Store
from tests.prediction_logs.makers import ids, keep, make_prediction, make_predictions
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def test_closed_parts_are_packed_by_day_and_removed(tmp_path: Path) -> None:
    kept = [*make_predictions(40), *make_predictions(40, hours=24)]
    log, store = keep(tmp_path / "log", kept, part_bytes=4000), Store.open(str(tmp_path / "packed"))
    log.close()
    done = compact(tmp_path / "log", store)
    assert (done.lines, done.cut, done.busy) == (80, 0, 0)
    assert done.parts > 4
    assert not list((tmp_path / "log").iterdir())
    assert read_predictions([store]) == kept
    assert {name[:15] for name in store.names("**/*.parquet")} == {"date=2026-03-01", "date=2026-03-02"}


def test_it_goes_to_a_bucket(tmp_path: Path, bucket: str) -> None:
    kept = make_predictions(30)
    keep(tmp_path, kept).close()
    compact(tmp_path, Store.open(bucket))
    assert read_predictions([Store.open(bucket)]) == kept
    assert not list(tmp_path.glob(PARTS))


def test_what_a_service_still_writes_to_is_left(tmp_path: Path) -> None:
    log, store = keep(tmp_path / "log", make_predictions(3)), Store.open(str(tmp_path / "packed"))
    assert compact(tmp_path / "log", store) == Compacted(busy=1)
    log.append(make_prediction("later"))
    log.close()
    compact(tmp_path / "log", store)
    assert len(read_predictions([store])) == 4


def test_damaged_parts_stay_and_all_others_are_packed(tmp_path: Path) -> None:
    keep(tmp_path / "log", make_predictions(3)).close()
    damaged = tmp_path / "log" / PARTS.replace("*", "0")
    damaged.write_bytes(b"nonsense\n")
    store = Store.open(str(tmp_path / "packed"))
    with pytest.raises(ProblemsError, match=r"predictions-0\.jsonl:1"):
        compact(tmp_path / "log", store)
    assert list((tmp_path / "log").iterdir()) == [damaged]
    assert len(read_predictions([store])) == 3


def test_a_cut_line_is_told(tmp_path: Path) -> None:
    keep(tmp_path / "log", make_predictions(3)).close()
    (part,) = (tmp_path / "log").iterdir()
    part.write_bytes(part.read_bytes()[:-5])
    done = compact(tmp_path / "log", Store.open(str(tmp_path / "packed")))
    assert (done.lines, done.cut) == (2, 1)


def test_a_store_that_refuses_costs_nothing(tmp_path: Path) -> None:
    keep(tmp_path / "log", make_predictions(3)).close()
    (tmp_path / "packed").touch()
    with pytest.raises(BreastsegError, match="does not answer"):
        compact(tmp_path / "log", Store.open(str(tmp_path / "packed")))
    assert len(read_predictions([Store.open(str(tmp_path / "log"))])) == 3


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="is no folder"):
        compact(tmp_path / "nothing", Store.open(str(tmp_path)))


@pytest.mark.extended
def test_a_kill_loses_and_doubles_nothing(tmp_path: Path) -> None:
    kept = make_predictions(600)
    keep(tmp_path / "log", kept, part_bytes=1).close()
    command = [
        sys.executable,
        "-m",
        "breastseg.cli",
        "monitor",
        "compact",
        str(tmp_path / "log"),
        str(tmp_path / "packed"),
    ]
    packed = tmp_path / "packed" / "date=2026-03-01"
    with subprocess.Popen(command) as process:  # noqa: S603 - our own
        wait_until(
            lambda: process.poll() is not None or (packed.exists() and len(list(packed.iterdir())) >= 20), pause_s=0
        )
        process.kill()
    left = len(list((tmp_path / "log").iterdir()))
    assert 0 < left < 600
    compact(tmp_path / "log", Store.open(str(tmp_path / "packed")))
    assert sorted(ids(read_predictions([Store.open(str(tmp_path / "packed"))]))) == sorted(ids(kept))
