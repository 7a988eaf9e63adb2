from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.files import replacing

if TYPE_CHECKING:
    from pathlib import Path


def test_the_file_appears_complete_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as partial:
        partial.write_text("whole", encoding="utf-8")
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old", encoding="utf-8")

    def fail_half_way() -> None:
        with replacing(path) as partial:
            partial.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
