"""Folders of this machine: walking them, matching their names, reading files."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import PurePath
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_KINDS = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISCHR, "device"),
)
_CONTROL = frozenset({"Cc", "Zl", "Zp"})


class UnreadableError(BreastsegError):
    """A file cannot be read; the text says why, without the file's name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a walk meets below a folder: a file, or a folder that it does not enter.

    Attributes:
        name: From the folder that is walked, with `/`; empty for that folder itself.
        fault: What is wrong with it; empty where nothing is.
        file: The file, which may be a special one or a link that leads nowhere; none for a folder.
        error: Why a folder cannot be listed; none for all else.
    """

    name: str
    fault: str = ""
    file: os.DirEntry[str] | None = None
    error: OSError | None = None


@dataclass(frozen=True, slots=True, order=True)
class _Folder:
    """A folder to enter: its name, its real path, and the real paths of the folders whose links led to it."""

    name: str
    real: str = field(compare=False)
    passed: tuple[str, ...] = field(compare=False)

    def lies_in(self, real: str) -> bool:
        return any(PurePath(place).is_relative_to(real) for place in (self.real, *self.passed))


def walk(root: str, depth: int | None = None, *, follow: bool = False, skip: Collection[str] = ()) -> Iterator[Entry]:
    """Yield the files below a folder, in any order, and the folders that cannot be entered.

    Files come as the folders are read, so that memory does not grow with their number. Hidden files and folders are
    left out.

    Args:
        root: The folder; a link to one will do.
        depth: How many names a file's name may have, folders included; None: any number.
        follow: Whether to enter links to folders. Then each real folder is entered once, by its own path rather than
            by a link, and a link to a folder that it lies in is a fault; else each link to a folder is one.
        skip: Names, from the root, to leave out.
    """
    ahead = _Ahead(follow=follow)
    ahead.folders.append(_Folder("", os.path.realpath(root) if follow else "", ()))
    while (folder := ahead.next()) is not None:
        below = f"{folder.name}/" if folder.name else ""
        is_last = depth is not None and below.count("/") + 1 >= depth
        try:
            with os.scandir(os.path.join(root, folder.name)) as entries:  # noqa: PTH118 - a `Path` for each is slow
                for entry in entries:
                    name = below + entry.name
                    if entry.name.startswith(".") or name in skip:
                        continue
                    if not _is_folder(entry):
                        yield Entry(name, _link_fault(entry), entry)
                    elif not is_last and (fault := ahead.add(name, entry, folder)):
                        yield Entry(name, fault)
        except OSError as error:
            yield Entry(folder.name, f"cannot be listed ({error.strerror})", error=error)


class _Ahead:
    """The folders that a walk has yet to enter; those that links lead to come last, since others may lead there too."""

    def __init__(self, *, follow: bool) -> None:
        self.folders: list[_Folder] = []
        self._links: list[_Folder] = []
        self._entered: set[str] = set()
        self._follow = follow

    def next(self) -> _Folder | None:
        """Return the next folder; None at the end."""
        while self.folders or self._links:
            folder = self.folders.pop() if self.folders else heappop(self._links)
            if not self._follow:
                return folder
            if folder.real not in self._entered:
                self._entered.add(folder.real)
                return folder
        return None

    def add(self, name: str, entry: os.DirEntry[str], parent: _Folder) -> str:
        """Add a folder or a link to one, or return why it is not entered."""
        if not entry.is_symlink():
            real = f"{parent.real.rstrip('/')}/{entry.name}" if self._follow else ""
            self.folders.append(_Folder(name, real, parent.passed))
            return ""
        if not self._follow:
            return "is a link to a folder, which is not followed"
        real = os.path.realpath(entry.path)
        if parent.lies_in(real):
            return "is a link to a folder that it lies in"
        heappush(self._links, _Folder(name, real, (*parent.passed, parent.real)))
        return ""


def read_file(path: str) -> bytes:
    """Return the content of a file.

    Raises:
        UnreadableError: It is missing, a special file, which is not waited for, or cannot be read.
    """
    if fault := file_fault(path):
        raise UnreadableError(fault)
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            return file.read()
    except OSError as error:
        raise UnreadableError(_reason(path, error)) from error


def file_fault(path: str) -> str:
    """Return what keeps a path from being a file, to follow its name in a sentence; empty where it is one."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - pathlib fails on the same, later
    except (OSError, ValueError) as error:
        return _reason(path, error)
    if stat.S_ISREG(mode):
        return ""
    return f"is a {next((kind for is_kind, kind in _KINDS if is_kind(mode)), 'special file')}, not a file"


def folder_fault(path: str) -> str:
    """Return what keeps a path from being a folder, to follow its name in a sentence; empty where it is one."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - pathlib fails on the same, later
    except (OSError, ValueError) as error:
        return _reason(path, error)
    return "" if stat.S_ISDIR(mode) else "is not a folder"


def name_fault(name: str) -> str:
    """Return what keeps a name out of tables and messages, to follow it in a sentence; empty where nothing does."""
    if not is_utf8(name):
        return "has a name that is not UTF-8"
    if any(unicodedata.category(letter) in _CONTROL for letter in name):
        return "has a line break, a tab or another control character in its name"
    return ""


def is_utf8(name: str) -> bool:
    """Return whether the bytes of a name are UTF-8; in Python's text, others are lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def nfc(text: str) -> str:
    """Return a text in Unicode's form NFC: file systems and editors differ in whether they compose accents."""
    return unicodedata.normalize("NFC", text)


class NameLookup:
    """Finds files by names whose accents are composed or not; each folder is listed once, where that is needed."""

    def __init__(self) -> None:
        self._listed: dict[str, dict[str, list[str]]] = {}

    def find(self, folder: str, name: str) -> list[str]:
        """Return the paths below a folder that a name stands for: several where names are equal in the form NFC.

        Args:
            folder: The folder.
            name: From the folder, with `/`.

        Returns:
            Sorted paths; where there is nothing, the one path where it would be.
        """
        found = [folder]
        for part in PurePath(name).parts:
            paths = [f"{place}/{same}" for place in found for same in self._same(place, part)]
            found = [path for path in paths if os.path.lexists(path)] or paths[:1]
        return sorted(found)

    def _same(self, folder: str, name: str) -> list[str]:
        if name.isascii():
            return [name]
        if folder not in self._listed:
            self._listed[folder] = _by_form(folder)
        return self._listed[folder].get(nfc(name), [name])


def _by_form(folder: str) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    try:
        for name in os.listdir(folder):  # noqa: PTH208 - only the names are needed
            names.setdefault(nfc(name), []).append(name)
    except OSError:
        # what lies in it may be read by its very name; if not, the file is reported
        return {}
    return names


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads back to itself, or where nobody may look
        return False


def _link_fault(entry: os.DirEntry[str]) -> str:
    if not entry.is_symlink():
        return ""
    try:
        entry.stat()
    except OSError as error:
        return _reason(entry.path, error)
    return ""


def _reason(path: str, error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return "has a name that no file can have"
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return "is a link that leads nowhere" if os.path.islink(path) else "is missing"  # noqa: PTH114 - as above
    if error.errno == errno.ELOOP:
        return "is a link that leads back to itself"
    if error.errno == errno.ENAMETOOLONG:
        return "has a name that is too long"
    return f"cannot be read ({error.strerror})"


def _open_at_once(path: str, flags: int) -> int:
    # a pipe that took the file's place meanwhile is not waited for
    return os.open(path, flags | os.O_NONBLOCK)
