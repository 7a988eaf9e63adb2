"""The data set's folder is found, or the user is told what was looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.data.layouts.files import locate
from breastseg.errors import ProblemsError

if TYPE_CHECKING:
    from pathlib import Path


def test_folder_or_its_parent_will_do(tmp_path: Path) -> None:
    (tmp_path / "set" / "images").mkdir(parents=True)
    assert locate(tmp_path / "set", ["images"]) == tmp_path / "set"
    assert locate(tmp_path, ["images"]) == tmp_path / "set"


def test_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match="nowhere: is missing"):
        locate(tmp_path / "nowhere", ["images"])


def test_folder_of_another_layout_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match="does not hold Images or Masks itself"):
        locate(tmp_path, ["Masks", "Images"])


def test_two_data_sets_are_one_too_many(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "images").mkdir(parents=True)
    with pytest.raises(ProblemsError, match="2 folders in it do"):
        locate(tmp_path, ["images"])
