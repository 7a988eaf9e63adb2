"""Whether the simulated images are read decides whether they are simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.params.data import Data

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("root", "read"),
    [
        ("data/raw/phantom", True),
        ("./data/raw/../raw/phantom/", True),
        ("data/raw/phantom/benign", True),
        ("data/raw", True),
        ("link", True),
        ("data/raw/phantoms", False),
        ("data/raw/own", False),
        ("phantom", False),
        ("/data/raw/phantom", False),
    ],
)
def test_the_phantom_is_read_where_the_paths_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, *, read: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("data/raw/phantom")
    assert Data(layout="busi", root=root, sets={}).reads_phantom == read


def test_a_full_path_is_as_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Data(layout="busi", root=str(tmp_path / "data/raw/phantom"), sets={}).reads_phantom
