"""Folders, without any extra, and buckets, by the same verbs: millions of files are listed one by one."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from breastseg.errors import BreastsegError
from breastseg.files import replacing
from breastseg.folders import nfc, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from breastseg.folders import Entry

_SCHEME = "://"
# schemes of this machine's folders, and other spellings of those of buckets
_FOLDERS = frozenset({"file", "local"})
_SPELLINGS = {"gcs": "gs"}
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Place(Protocol):
    """A folder, which need not be there; `breastseg.storage.Store` is one in a bucket.

    All verbs raise BreastsegError where the place does not do what it is asked for.
    """

    def listed(
        self, depth: int | None = None, begin: str = "", *, note: Callable[[Entry], object] | None = None
    ) -> Iterator[tuple[str, str]]:
        """Yield the name of each file below the place, in any order, and its version, which another content changes.

        Hidden files and folders are left out, and links to folders, which may lead in a circle. Links that lead nowhere
        and special files are listed: reading them fails.

        Args:
            depth: How many names a file's name may have, folders included; None: any number.
            begin: How the names begin; a bucket passes over all others.
            note: Called with what is left out for another reason, and with links that lead nowhere. Without it, a
                folder that cannot be read is an error.
        """

    def version(self, name: str) -> str | None:
        """Return the version of a file; None where there is no such file."""

    def read(self, name: str) -> bytes:
        """Return the content of a file."""

    def write(self, name: str, content: bytes) -> str | None:
        """Write a file, which is there whole or not at all, and return its version."""

    def writing(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Yield what to write a large file to; it is there at the end, whole, or not at all after an error."""

    def remove(self, name: str) -> None:
        """Remove a file, which may be gone already."""

    def tidy(self) -> None:
        """Remove the folders below the place that hold nothing, and the place itself where it holds nothing."""


def open_place(place: str) -> Place:
    """Open a folder, or a place in a bucket, such as gs://bucket/images.

    Raises:
        BreastsegError: It is of a kind that cannot be reached.
        ModuleNotFoundError: It is no folder, and fsspec is not installed.
    """
    if not is_remote(place):
        return Folder(Path(place))
    from breastseg.storage import Store  # noqa: PLC0415 - its fsspec is an extra, which folders do without

    return Store.open(place)


def is_remote(place: str) -> bool:
    """Tell whether a place is in a bucket."""
    return _SCHEME in place


def normalised(place: str) -> str:
    """Return the one spelling of a place that it is compared by.

    Raises:
        BreastsegError: Its address leads through others, which would be another spelling of the last one.
    """
    scheme, mark, path = place.partition(_SCHEME)
    if mark and "::" in scheme:
        raise BreastsegError(f"{place} leads through other addresses. Name a folder, or gs://bucket/folder")
    if mark and scheme in _FOLDERS:
        return path
    return f"{_SPELLINGS.get(scheme, scheme)}{mark}{path}"


def is_named(place: str) -> bool:
    """Tell whether a place says where it is: an empty name would be the current folder, and gs:// has no bucket."""
    if not is_remote(place):
        return bool(place)
    _, _, path = place.partition(_SCHEME)
    return bool(path.strip("/")) and not path.startswith("/")


def split_remote(file: str) -> tuple[str, str]:
    """Part the address of a file in a bucket into the bucket's and the file's name in it."""
    scheme, _, path = file.partition(_SCHEME)
    bucket, _, name = path.partition("/")
    return f"{scheme}{_SCHEME}{bucket}", name


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    root: Path

    def listed(
        self, depth: int | None = None, begin: str = "", *, note: Callable[[Entry], object] | None = None
    ) -> Iterator[tuple[str, str]]:
        """See `Place.listed`; a version is the size in bytes and the time of the last change in nanoseconds."""
        for entry in walk(str(self.root), depth):
            met = entry
            if entry.file and nfc(entry.name).startswith(begin):
                version, met = _looked_at(entry, entry.file)
                if version:
                    yield entry.name, version
            if not entry.name and isinstance(entry.error, FileNotFoundError):
                # a folder that is not there holds nothing
                continue
            if note and met.fault:
                note(met)
            elif met.error:
                raise _unreadable(self.root / met.name, met.error) from met.error

    def version(self, name: str) -> str | None:
        """See `Place.version`."""
        path = self.root / name
        try:
            found = path.stat()
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise _unreadable(path, error) from error
        return _version(found) if stat.S_ISREG(found.st_mode) else None

    def read(self, name: str) -> bytes:
        """See `Place.read`."""
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise _unreadable(self.root / name, error) from error

    def write(self, name: str, content: bytes) -> str | None:
        """See `Place.write`."""
        with self.writing(name) as file:
            file.write(content)
        return self.version(name)

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """See `Place.writing`."""
        try:
            with replacing(self.root / name) as partial, partial.open("wb") as file:
                yield file
                # a line must not outlive its mask when the power goes
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BreastsegError(
                f"Cannot write to {self.root} ({error}). Name with --out a folder that can be"
            ) from error

    def remove(self, name: str) -> None:
        """See `Place.remove`."""
        try:
            (self.root / name).unlink(missing_ok=True)
        except OSError as error:
            raise BreastsegError(f"Cannot remove {self.root / name} ({error}). Look at your rights") from error

    def tidy(self) -> None:
        """See `Place.tidy`."""
        for folder, _, _ in os.walk(self.root, topdown=False):
            with suppress(OSError):  # it holds something
                Path(folder).rmdir()


def _looked_at(entry: Entry, file: os.DirEntry[str]) -> tuple[str, Entry]:
    """Return the version of a file or of a link that leads nowhere, and its entry; no version if it cannot be known."""
    try:
        return _version(file.stat(follow_symlinks=not entry.fault)), entry
    except OSError as error:
        return "", replace(entry, fault=f"cannot be read ({error.strerror})", error=error)


def _unreadable(path: Path | str, error: OSError) -> BreastsegError:
    return BreastsegError(f"Cannot read {path} ({error}). Look at its name and your rights")


def _version(found: os.stat_result) -> str:
    return f"{found.st_size}-{found.st_mtime_ns}"
