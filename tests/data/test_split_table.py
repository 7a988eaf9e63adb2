"""The split table comes back as it was written, and a broken one says what to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.data.split_table import SplitRow, read_split, write_split
from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from pathlib import Path


def test_split_comes_back_from_its_file(tmp_path: Path) -> None:
    split = [SplitRow("benign (1), left", "benign (1), left", 0, "test"), SplitRow("ä", "ä", 1, "val")]
    write_split(split, tmp_path / "splits.csv")
    assert read_split(tmp_path / "splits.csv") == split
    assert (tmp_path / "splits.csv").read_text(encoding="utf-8").startswith("case_id,group,fold,subset\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "case_id,fold\na,0\n",
        "case_id,group,fold,subset\na,a\n",
        "case_id,group,fold,subset\na,a,x,test\n",
        "case_id,group,fold,subset\na,a,0,tst\n",
        'case_id,group,fold,subset\n"a,a,0,test\nb,b,0,test\n',
        'case_id,group,fold,subset\n"a"b,a,0,test\n',
    ],
)
def test_broken_split_says_what_to_run(tmp_path: Path, text: str) -> None:
    (tmp_path / "splits.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BreastsegError, match="dvc repro split"):
        read_split(tmp_path / "splits.csv")


def test_missing_split_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="dvc repro split"):
        read_split(tmp_path / "splits.csv")
