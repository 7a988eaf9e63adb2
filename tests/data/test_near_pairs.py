"""The pairs are listed by falling similarity, and the hardest ones are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from breastseg.data.duplicates import Duplicates
from breastseg.data.near_pairs import SHOWN, NearPairRow, draw_sheet, hardest_pairs, list_pairs
from breastseg.data.png import encode_png
from breastseg.data.similar_pairs import SimilarPairs
from breastseg.data.table import write_table
from tests.data.samples import prepared_case, speckle

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 4 * (2 * 150 + 10) + 10
HEADING, ROW = 32, 182


def _pairs(count: int, *, grouped: bool) -> list[NearPairRow]:
    return [NearPairRow("00", f"{place % 9 + 1:02}", 0.9 - place / 100, grouped, 0) for place in range(count)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    colour = encode_png(np.stack([speckle(0), speckle(1), speckle(2)], axis=2))
    wide = encode_png(speckle(3, 2, 900))
    changes = {1: {"image_png": colour, "channels": 3}, 2: {"image_png": wide, "height": 2, "width": 900}}
    cases = [prepared_case(f"{seed:02}", seed, **changes.get(seed, {})) for seed in range(10)]
    write_table(cases, tmp_path / "cases.parquet")
    return tmp_path / "cases.parquet"


def test_pairs_are_listed_by_falling_similarity_and_then_by_case() -> None:
    pairs = SimilarPairs(np.array([[0, 1], [0, 2], [2, 3], [1, 2]]), np.array([0.8, 0.95, 1.0004, 0.8], np.float32))
    duplicates = Duplicates(["a", "b", "a", "a"], ["a", "b", "a", "a"], pairs, np.array([0, 1, 2, 0]))
    listed = list(list_pairs(["a", "b", "c", "d"], duplicates))
    assert listed == [
        NearPairRow("c", "d", 1.0, True, 2),
        NearPairRow("a", "c", 0.95, True, 1),
        NearPairRow("a", "b", 0.8, False, 0),
        NearPairRow("b", "c", 0.8, False, 0),
    ]


def test_the_hardest_are_the_least_similar_in_one_group_and_the_most_similar_in_two() -> None:
    pairs = sorted(_pairs(30, grouped=True) + _pairs(25, grouped=False), key=lambda row: -row.similarity)
    grouped, apart = hardest_pairs(iter(pairs))
    assert grouped == _pairs(30, grouped=True)[: 30 - SHOWN - 1 : -1]
    assert apart == _pairs(25, grouped=False)[:SHOWN]


@pytest.mark.parametrize(("grouped", "apart", "rows"), [(0, 0, 0), (1, 0, 1), (20, 5, 7)])
def test_sheet_has_a_row_for_four_pairs(tmp_path: Path, table: Path, grouped: int, apart: int, rows: int) -> None:
    draw_sheet(_pairs(grouped, grouped=True), _pairs(apart, grouped=False), table, tmp_path / "plots" / "sheet.png")
    with Image.open(tmp_path / "plots" / "sheet.png") as sheet:
        assert (sheet.mode, sheet.size) == ("L", (WIDTH, 2 * HEADING + rows * ROW))


def test_sheet_shows_both_pictures_of_a_pair(tmp_path: Path, table: Path) -> None:
    draw_sheet([NearPairRow("04", "05", 0.9, True, 1)], [], table, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    for place, seed in enumerate((4, 5)):
        left = 10 + 150 * place
        np.testing.assert_array_equal(sheet[HEADING : HEADING + 40, left : left + 48], speckle(seed))


def test_same_pairs_give_the_same_bytes(tmp_path: Path, table: Path) -> None:
    for name in ("first.png", "second.png"):
        draw_sheet(_pairs(3, grouped=True), _pairs(3, grouped=False), table, tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_long_ids_keep_their_end_and_fit(tmp_path: Path) -> None:
    names = ["a" * 200, "ä" * 200]
    write_table([prepared_case(name) for name in names], tmp_path / "cases.parquet")
    draw_sheet([NearPairRow(names[0], names[1], 0.9, True, 1)], [], tmp_path / "cases.parquet", tmp_path / "s.png")
    sheet = np.asarray(Image.open(tmp_path / "s.png"))
    caption = sheet[HEADING + 150 : HEADING + ROW]
    assert (caption[:, 10:310] < 255).any()
    assert (caption[:, 320:] == 255).all()
