from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.prediction_logs.compact import compact
from breastseg.prediction_logs.parquet import encode_predictions
from breastseg.prediction_logs.read import Period, read_predictions, within
from breastseg.storage import Store
from tests.prediction_logs.makers import START, ids, keep, make_prediction, make_predictions

if TYPE_CHECKING:
    from pathlib import Path


def test_parts_and_packed_files_are_read_together_the_earliest_first(tmp_path: Path) -> None:
    late, early = make_predictions(3, hours=5), make_predictions(3)
    keep(tmp_path, late).close()
    compact(tmp_path, Store.open(str(tmp_path)))
    log = keep(tmp_path, early)
    assert read_predictions([Store.open(str(tmp_path))]) == [*early, *late]
    log.close()


def test_a_part_that_was_packed_and_not_yet_removed_counts_once(tmp_path: Path) -> None:
    kept = make_predictions(3)
    keep(tmp_path, kept).close()
    (part,) = tmp_path.iterdir()
    Store.open(str(tmp_path)).write(f"date=2026-03-01/{part.stem}.parquet", encode_predictions(kept))
    assert read_predictions([Store.open(str(tmp_path))]) == kept


def test_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="no predictions from the beginning until now"):
        read_predictions([Store.open(str(tmp_path))])


def test_places_that_are_not_there_are_named(tmp_path: Path) -> None:
    keep(tmp_path / "log", make_predictions(3)).close()
    places = [Store.open(str(tmp_path / name)) for name in ("log", "typo", "another")]
    with pytest.raises(ProblemsError, match=r"(?s)another: is not there.*typo: is not there"):
        read_predictions(places)


def test_damage_is_named_file_by_file(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"predictions-{name}.jsonl").write_bytes(b"{}\n")
    with pytest.raises(ProblemsError, match=r"(?s)predictions-a\.jsonl:1.*predictions-b\.jsonl:1"):
        read_predictions([Store.open(str(tmp_path))])


def test_a_period_has_its_beginning_and_not_its_end() -> None:
    kept = [make_prediction(str(hours), hours=hours) for hours in range(5)]
    period = Period(START + timedelta(hours=1), START + timedelta(hours=3))
    assert ids(within(kept, period)) == ["1", "2"]
    assert ids(within(kept, Period())) == ids(kept)
    assert str(period) == "from 2026-03-01 23:00 until 2026-03-02 01:00"
    assert str(Period()) == "from the beginning until now"


def test_a_period_without_a_moment_is_refused() -> None:
    for end in (START, START - timedelta(hours=1)):
        with pytest.raises(BreastsegError, match="No moment is from 2026-03-01 22:00 until"):
            Period(START, end)


def test_periods_overlap_where_they_share_a_moment() -> None:
    first, second = Period(until=START), Period(START, START + timedelta(hours=1))
    assert not first.overlaps(second)
    assert not second.overlaps(first)
    assert second.overlaps(Period(START + timedelta(minutes=59)))
    assert Period().overlaps(first)


def test_joined_periods_hold_both() -> None:
    early, late = Period(START, START + timedelta(hours=1)), Period(START + timedelta(hours=3), None)
    assert early.joined(late) == late.joined(early) == Period(START, None)
    assert Period(None, START).joined(early) == Period(None, START + timedelta(hours=1))


def test_two_places_are_read_as_one(tmp_path: Path) -> None:
    early, late = make_predictions(3), make_predictions(3, hours=1)
    keep(tmp_path / "log", early).close()
    compact(tmp_path / "log", Store.open(str(tmp_path / "packed")))
    log = keep(tmp_path / "log", late)
    places = [Store.open(str(tmp_path / name)) for name in ("log", "packed")]
    assert read_predictions(places) == [*early, *late]
    log.close()


def test_packed_files_of_other_days_are_not_even_opened(tmp_path: Path) -> None:
    (tmp_path / "date=2026-01-01").mkdir()
    (tmp_path / "date=2026-01-01" / "predictions-old.parquet").write_bytes(b"damaged")
    kept = make_predictions(3, hours=3)
    keep(tmp_path, kept).close()
    compact(tmp_path, Store.open(str(tmp_path)))
    # a part that was begun the day before
    assert read_predictions([Store.open(str(tmp_path))], Period(START + timedelta(hours=3))) == kept
    with pytest.raises(BreastsegError, match="holds no packed predictions"):
        read_predictions([Store.open(str(tmp_path))])


def test_a_folder_may_be_called_anything(tmp_path: Path) -> None:
    kept = make_predictions(3)
    keep(tmp_path / "lo[g]s *", kept).close()
    assert read_predictions([Store.open(str(tmp_path / "lo[g]s *"))]) == kept
