from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.output_folder import replacing_files

if TYPE_CHECKING:
    from pathlib import Path


def fill(folder: Path, text: str, *, fails: bool = False) -> None:
    with replacing_files(folder, ("a.txt", "b.txt")) as aside:
        (aside / "a.txt").write_text(text)
        (aside / "scratch").mkdir()
        (aside / "scratch" / "big").write_text(text)
        if fails:
            raise KeyError("stop")
        (aside / "b.txt").write_text(text)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_files_appear_at_the_end_and_scratch_does_not(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("stays")
    fill(tmp_path, "first")
    fill(tmp_path, "second")
    assert contents(tmp_path) == {"a.txt": "second", "b.txt": "second", "other.txt": "stays"}


def test_an_error_leaves_everything_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        fill(tmp_path / "new", "first", fails=True)
    assert not (tmp_path / "new").exists()
    fill(tmp_path, "first")
    with pytest.raises(KeyError):
        fill(tmp_path, "second", fails=True)
    assert contents(tmp_path) == {"a.txt": "first", "b.txt": "first"}


def test_an_empty_folder_of_the_user_is_left_there(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        fill(tmp_path, "first", fails=True)
    assert tmp_path.is_dir()


def test_the_rest_of_a_killed_run_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "old.txt").write_text("half")
    fill(tmp_path, "new")
    assert contents(tmp_path) == {"a.txt": "new", "b.txt": "new"}


def enter(folder: Path) -> None:
    with replacing_files(folder, ("a.txt", "b.txt")):
        pytest.fail("the work was begun")


def test_a_folder_in_a_files_place_is_told_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(ProblemsError, match=r"b\.txt: is a folder\. Remove it, or name another --out"):
        enter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_a_folder_that_is_made_meanwhile_moves_nothing(tmp_path: Path) -> None:
    def fill_late() -> None:
        with replacing_files(tmp_path, ("a.txt", "b.txt")) as aside:
            for name in ("a.txt", "b.txt"):
                (aside / name).write_text("new")
            (tmp_path / "b.txt").mkdir()

    with pytest.raises(ProblemsError, match=r"b\.txt: is a folder"):
        fill_late()
    assert not (tmp_path / "a.txt").exists()


@pytest.mark.parametrize("below", ["", "sub", "sub/sub"])
def test_a_file_in_the_folders_place_is_told_before_any_work(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(BreastsegError, match=r"/file is a file where a folder is needed\. Name another.*--out$"):
        enter(tmp_path / "file" / below)
    assert contents(tmp_path) == {"file": "a file"}


def test_what_the_file_system_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match=r"Nothing is written to .*File name too long.*--out"):
        enter(tmp_path / ("a" * 300))
