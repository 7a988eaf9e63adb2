"""The prepared table gives back what went in, as a stream, with the same bytes for the same cases."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from breastseg.data.png import encode_png
from breastseg.data.table import ROWS_A_GROUP, CaseRow, read_rows, read_table, write_table
from breastseg.errors import BreastsegError, ProblemsError
from tests.data.samples import box, nothing, prepared_case, speckle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from breastseg.data.table import PreparedCase

COUNT = 2 * ROWS_A_GROUP + 3
IDS = [f"case {index:05}" for index in range(COUNT)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "cases.parquet"
    write_table((prepared_case(case_id, seed) for seed, case_id in enumerate(IDS)), path)
    return path


def test_every_column_comes_back(tmp_path: Path) -> None:
    full = prepared_case(
        "a", patient="7", device="scanner", birads="4a", flags=("blank_image", "tiny_lesion"), ignored_png=b"png"
    )
    bare = prepared_case("b")
    write_table([full, bare], tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet")) == [full, bare]


def test_pixels_come_back(tmp_path: Path) -> None:
    rgb = np.stack([speckle(0), speckle(1), speckle(2)], axis=2)
    case = prepared_case("a", image_png=encode_png(rgb), ignored_png=encode_png(~box()))
    write_table([case, prepared_case("b", mask_png=encode_png(nothing()))], tmp_path / "t.parquet")
    first, second = read_table(tmp_path / "t.parquet")
    np.testing.assert_array_equal(first.image(), rgb)
    np.testing.assert_array_equal(first.mask(), box())
    np.testing.assert_array_equal(np.asarray(first.ignored()), ~box())
    assert first.mask().dtype == np.bool_
    assert not second.mask().any()
    assert second.ignored() is None


def test_some_cases_come_in_the_order_of_the_table(table: Path) -> None:
    wanted = [IDS[-1], IDS[0], IDS[40]]
    assert [case.case_id for case in read_table(table, wanted)] == sorted(wanted)


def test_no_cases_are_no_cases(table: Path) -> None:
    assert list(read_table(table, [])) == []


def test_unknown_cases_are_named_before_any_is_given(table: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        next(read_table(table, [IDS[0], "stranger 1", "stranger 2"]))
    assert [problem.path for problem in caught.value.problems] == ["stranger 1", "stranger 2"]


def test_rows_are_the_cases_without_pixels(table: Path) -> None:
    rows = read_rows(table)
    assert [row.case_id for row in rows] == IDS
    assert {type(row) for row in rows} == {CaseRow}
    assert rows[0].flags == ()


def test_same_cases_give_the_same_bytes(table: Path, tmp_path: Path) -> None:
    write_table([prepared_case(case_id, seed) for seed, case_id in enumerate(IDS)], tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == table.read_bytes()


def test_ids_must_ascend(tmp_path: Path) -> None:
    for ids in (["b", "a"], ["a", "a"]):
        with pytest.raises(ValueError, match="must ascend"):
            write_table([prepared_case(case_id) for case_id in ids], tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_writing_leaves_the_old_table(table: Path) -> None:
    def interrupted() -> Iterator[PreparedCase]:
        yield from (prepared_case(case_id) for case_id in IDS[:40])
        raise KeyboardInterrupt

    before = table.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_table(interrupted(), table)
    assert table.read_bytes() == before
    assert list(table.parent.iterdir()) == [table]


@pytest.mark.parametrize("content", [None, b"", b"no table"])
def test_unreadable_table_says_what_to_run(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "cases.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BreastsegError, match="dvc repro prepare"):
        read_rows(path)


def test_foreign_table_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"case_id": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(BreastsegError, match="other columns"):
        next(read_table(tmp_path / "t.parquet"))


def test_reading_holds_a_row_group_not_the_table(tmp_path: Path) -> None:
    path, size = tmp_path / "t.parquet", 50_000
    write_table((prepared_case(f"{i:04}", image_png=bytes(size)) for i in range(20 * ROWS_A_GROUP)), path)
    tracemalloc.start()
    arrow = max(pa.total_allocated_bytes() for _ in read_table(path))
    _, python = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert arrow + python < 4 * ROWS_A_GROUP * size
