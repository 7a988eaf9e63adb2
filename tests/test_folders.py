"""Folders are walked to their end whatever links do, and no special file is waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from breastseg import folders
from breastseg.folders import NameLookup, UnreadableError, file_fault, name_fault, read_file, walk


def _touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def _files(root: Path, *, follow: bool = False) -> list[str]:
    return sorted(entry.name for entry in walk(str(root), follow=follow) if entry.file)


def _faults(root: Path, *, follow: bool = False) -> dict[str, str]:
    return {entry.name: entry.fault for entry in walk(str(root), follow=follow) if entry.fault}


def test_each_real_folder_is_entered_once_by_its_own_path(tmp_path: Path) -> None:
    root = _touch(tmp_path / "root", "real/a.png", "real/deep/b.png")
    _touch(tmp_path / "other", "deep/c.png")
    (root / "a link").symlink_to("real")
    (root / "first").symlink_to(tmp_path / "other" / "deep")
    (root / "second").symlink_to(tmp_path / "other")
    (root / "third").symlink_to(tmp_path / "other")
    assert _files(root, follow=True) == ["first/c.png", "real/a.png", "real/deep/b.png"]
    assert _faults(root, follow=True) == {}
    assert _files(root) == ["real/a.png", "real/deep/b.png"]
    assert set(_faults(root).values()) == {"is a link to a folder, which is not followed"}


def test_many_links_among_folders_take_no_longer_than_the_folders(tmp_path: Path) -> None:
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        _touch(tmp_path, f"set/{name}/a.png")
        for other in names:
            (tmp_path / "set" / name / f"to {other}").symlink_to(tmp_path / "set" / other)
    assert _files(tmp_path / "set", follow=True) == [f"{name}/a.png" for name in names]
    assert set(_faults(tmp_path / "set", follow=True)) == {f"{name}/to {name}" for name in names}


@pytest.mark.parametrize("target", [".", "..", "../..", "/", "deep/../.."])
def test_a_link_to_a_folder_above_is_a_fault_and_not_entered(tmp_path: Path, target: str) -> None:
    root = _touch(tmp_path / "set" / "root", "a.png", "deep/b.png")
    (root / "deep" / "up").symlink_to(root / target)
    assert _files(root, follow=True) == ["a.png", "deep/b.png"]
    assert _faults(root, follow=True) == {"deep/up": "is a link to a folder that it lies in"}


def test_links_that_lead_to_no_file_are_files_with_a_fault(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("nowhere/at/all")
    (tmp_path / "circle").symlink_to("circle")
    assert _files(tmp_path) == ["circle", "gone"]
    assert _faults(tmp_path) == {
        "circle": "is a link that leads back to itself",
        "gone": "is a link that leads nowhere",
    }


def test_a_folder_that_is_gone_or_a_file_is_a_fault(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png")
    assert _faults(tmp_path / "gone") == {"": "cannot be listed (No such file or directory)"}
    assert _faults(tmp_path / "a.png") == {"": "cannot be listed (Not a directory)"}


def test_what_is_not_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "folder").mkdir()
    before = Path.cwd()
    with socket.socket(socket.AF_UNIX) as server:
        # the name of a socket may be no longer than about a hundred characters
        os.chdir(tmp_path)
        try:
            server.bind("socket")
        finally:
            os.chdir(before)
    told = {
        "pipe": "is a named pipe, not a file",
        "link": "is a named pipe, not a file",
        "socket": "is a socket, not a file",
        "folder": "is a folder, not a file",
        "gone": "is missing",
        "nowhere": "is a link that leads nowhere",
        "a" * 300: "has a name that is too long",
        "a\0b": "has a name that no file can have",
    }
    for name, fault in told.items():
        assert file_fault(f"{tmp_path}/{name}") == fault
        with pytest.raises(UnreadableError, match=fault):
            read_file(f"{tmp_path}/{name}")
    assert file_fault("/dev/null") == "is a device, not a file"


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(folders, "file_fault", lambda _: "")
    assert read_file(f"{tmp_path}/pipe") == b""


def test_names_that_tables_cannot_hold() -> None:
    assert name_fault("Müller (1).png") == ""
    assert name_fault("a\u200db 日本.png") == ""
    assert name_fault(os.fsdecode(b"\xff")) == "has a name that is not UTF-8"
    for letter in "\n\r\t\x07\x85\u2028":
        assert name_fault(f"a{letter}b") == "has a line break, a tab or another control character in its name"


def test_a_name_is_found_in_either_form_in_every_folder_of_a_path(tmp_path: Path) -> None:
    _touch(tmp_path, "e\u0301/o\u0308.png", "plain.png")
    names = NameLookup()
    root = tmp_path.as_posix()
    assert names.find(root, "\u00e9/\u00f6.png") == [f"{root}/e\u0301/o\u0308.png"]
    assert names.find(root, "./plain.png") == [f"{root}/plain.png"]
    assert names.find(root, "\u00e9/gone.png") == [f"{root}/e\u0301/gone.png"]
    assert names.find(root, "\u00fc/gone.png") == [f"{root}/\u00fc/gone.png"]
