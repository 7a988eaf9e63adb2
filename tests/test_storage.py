"""A folder and a bucket answer alike."""

from __future__ import annotations

import resource
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError
from breastseg.storage import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def _files_of_at_most(count: int) -> Iterator[None]:
    """Let no file grow beyond a number of bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    place = str(tmp_path / "packed") if request.param == "folder" else request.getfixturevalue("bucket")
    return Store.open(place)


def test_what_is_written_is_read_and_listed(store: Store) -> None:
    assert store.names("**/*.parquet") == []
    store.write("date=2026-03-01/a.parquet", b"one")
    store.write("date=2026-03-02/b.parquet", b"two")
    store.write("date=2026-03-02/b.parquet", b"three")
    assert store.names("**/*.parquet") == ["date=2026-03-01/a.parquet", "date=2026-03-02/b.parquet"]
    assert store.names("date=2026-03-02/**") == ["date=2026-03-02/b.parquet"]
    assert store.read("date=2026-03-02/b.parquet") == b"three"


def test_writing_tells_the_version_that_is_listed(store: Store) -> None:
    first = store.write("a/state", b"one")
    assert dict(store.listed()) == {"a/state": first}
    assert store.version("a/state") == first
    assert store.write("a/state", b"two") != first


def test_what_is_removed_is_gone(store: Store) -> None:
    store.write("a/state", b"one")
    store.write("b/state", b"two")
    store.remove("a/state")
    assert store.names("*/state") == ["b/state"]
    # another process may have been faster
    store.remove("a/state")
    store.remove("c/state")


def test_what_is_not_there_is_one_clear_error(store: Store) -> None:
    with pytest.raises(BreastsegError, match="does not answer as it should"):
        store.read("nothing.parquet")


def test_a_file_that_arrives_short_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(str(tmp_path))
    monkeypatch.setattr(type(store.files), "info", lambda *_: {"type": "file", "size": 2})
    with pytest.raises(BreastsegError, match=r"a\.parquet has 2 bytes, not 3"):
        store.write("a.parquet", b"one")


def test_a_file_is_written_beside_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # from another file system it would be copied there, and could be met half-written
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    Store.open(str(tmp_path / "packed")).write("a.parquet", b"one")
    assert [path.name for path in (tmp_path / "packed").iterdir()] == ["a.parquet"]


def test_a_place_is_there_once_it_is_made(store: Store, tmp_path: Path) -> None:
    store.make()
    assert store.exists()
    assert not Store.open(str(tmp_path / "elsewhere")).exists()


def test_a_bucket_that_does_not_exist_is_not_there(storage: str) -> None:
    assert storage
    assert not Store.open("gs://another/predictions").exists()


def test_a_place_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BreastsegError, match=r"ftps://x cannot be reached .* Name a folder, or gs://bucket/folder"):
        Store.open("ftps://x")


def test_a_folder_that_cannot_be_written_to_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BreastsegError, match="does not answer as it should"):
        Store.open(str(tmp_path / "file")).write("a.parquet", b"one")


def test_a_temporary_folder_that_is_full_or_missing_is_named(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, told = Store.open(bucket), r"lines\.jsonl cannot be kept .*TMPDIR"
    for much in (100, 100_000):  # less than is held in memory before it is written, and more
        with _files_of_at_most(10), pytest.raises(BreastsegError, match=told), store.writing("lines.jsonl") as file:
            file.write(b"x" * much)
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with (
        pytest.raises(BreastsegError, match=r"lines\.jsonl cannot be kept .*nowhere.*TMPDIR"),
        store.writing("lines.jsonl"),
    ):
        pass
    assert store.names("**") == []
