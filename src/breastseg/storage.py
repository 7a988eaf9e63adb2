"""A folder or a bucket, such as gs://bucket/predictions, with the same few verbs."""

from __future__ import annotations

import glob
import logging
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Any, Self

import fsspec
from fsspec.implementations.local import LocalFileSystem

from breastseg.errors import BreastsegError
from breastseg.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fsspec import AbstractFileSystem


@dataclass(frozen=True)
class Store:
    """A place for files.

    What goes wrong there is of a type of its own with each kind of place: every exception is told as one of ours.

    Attributes:
        place: As the user named it.
        files: What reads and writes there.
        root: The place as `files` calls it.
    """

    place: str
    files: AbstractFileSystem
    root: str

    @classmethod
    def open(cls, place: str) -> Self:
        """Open a place, which need not be there.

        Raises:
            BreastsegError: It is of a kind that cannot be reached.
        """
        # it would write a trace of what is told here in a sentence
        logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
        try:
            files, root = fsspec.core.url_to_fs(place)
        except (ImportError, ValueError) as error:
            raise BreastsegError(
                f"{place} cannot be reached ({error}). Name a folder, or gs://bucket/folder"
            ) from error
        return cls(place, files, root.rstrip("/"))

    def exists(self) -> bool:
        """Tell whether the folder is there; in a bucket, where there are no empty folders, whether the bucket is.

        Raises:
            BreastsegError: The place cannot be reached.
        """
        try:
            return bool(self.files.exists(self.root if self._is_local else self.root.partition("/")[0]))
        except Exception as error:
            raise self._fault(error) from error

    def make(self) -> None:
        """Make the folder where it is missing.

        Raises:
            BreastsegError: It cannot be made.
        """
        try:
            self.files.makedirs(self.root, exist_ok=True)
        except Exception as error:
            raise self._fault(error) from error

    def names(self, pattern: str) -> list[str]:
        """Return the names, below the root, of files that fit a pattern such as `**/*.parquet`, sorted.

        Raises:
            BreastsegError: The place cannot be read.
        """
        try:
            found = self.files.glob(f"{glob.escape(self.root)}/{pattern}", detail=True)
        except Exception as error:
            raise self._fault(error) from error
        return sorted(str(path)[len(self.root) + 1 :] for path, what in found.items() if what["type"] == "file")

    def listed(
        self,
        depth: int | None = None,
        begin: str = "",
        *,
        note: Callable[[Any], object] | None = None,  # noqa: ARG002 - of `Place`; a bucket has no links and no pipes
    ) -> Iterator[tuple[str, str]]:
        """Yield the name of each file below the root, in any order, and its version, which another content changes.

        Hidden files and folders are left out. Of a bucket, no more than a page of names is held at a time.

        Args:
            depth: How many names a file's name may have, folders included; None: any number.
            begin: How the names begin; a bucket passes over all others.
            note: Not called: a bucket has neither folders that may not be read nor links.

        Raises:
            BreastsegError: The place cannot be read.
        """
        try:
            for path, what in self._details(begin):
                name = path[len(self.root) + 1 :]
                parts = name.split("/")
                is_wanted = name.startswith(begin) and (depth is None or len(parts) <= depth)
                if is_wanted and not any(part.startswith(".") for part in parts):
                    yield name, _version(what)
        except Exception as error:
            raise self._fault(error) from error

    def version(self, name: str) -> str | None:
        """Return the version of a file; None where there is no such file.

        Raises:
            BreastsegError: The place cannot be read.
        """
        try:
            what = self.files.info(f"{self.root}/{name}")
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._fault(error) from error
        return _version(what) if what["type"] == "file" else None

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            BreastsegError: It cannot be read.
        """
        try:
            content: bytes = self.files.cat_file(f"{self.root}/{name}")
        except Exception as error:
            raise self._fault(error) from error
        return content

    def write(self, name: str, content: bytes) -> str:
        """Write a file, which takes the place of one of the same name; it is there whole or not at all.

        Returns:
            Its version.

        Raises:
            BreastsegError: It cannot be written.
        """
        path = f"{self.root}/{name}"
        try:
            if self._is_local:
                _write_aside(Path(path), content)
            else:
                self.files.pipe_file(path, content)
                self.files.invalidate_cache()
            what = self.files.info(path)
        except Exception as error:
            raise self._fault(error) from error
        if (size := what["size"]) != len(content):
            raise BreastsegError(f"{self.place}: {name} has {size} bytes, not {len(content)}. Run the command again")
        return _version(what)

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Yield what to write a file to that is too large for memory; it is there whole at the end, or not at all.

        It takes its room in this machine's temporary folder meanwhile.

        Raises:
            BreastsegError: It cannot be written, there or here.
        """
        try:
            with NamedTemporaryFile() as aside:
                yield aside.file
                aside.flush()
                self._put(aside.name, name)
        except OSError as error:
            mend = "Name with TMPDIR a folder that has room for it and can be written to"
            raise BreastsegError(f"{name} cannot be kept in the temporary folder ({error}). {mend}") from error

    def tidy(self) -> None:
        """Do what removes empty folders elsewhere: a bucket has none."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already, maybe by another process, is as it should be.

        Raises:
            BreastsegError: It cannot be removed.
        """
        try:
            with suppress(FileNotFoundError):
                self.files.rm_file(f"{self.root}/{name}")
            self.files.invalidate_cache()
        except Exception as error:
            raise self._fault(error) from error

    def _put(self, file: str, name: str) -> None:
        try:
            self.files.put_file(file, f"{self.root}/{name}")
            self.files.invalidate_cache()
        except Exception as error:
            raise self._fault(error) from error

    def _details(self, begin: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the path of each file below the root and what is told about it; of a bucket, of names that begin so."""
        if "gs" not in self.files.protocol:
            yield from self.files.find(self.root, detail=True).items()
            return
        # `find` would hold all of them
        bucket, _, below = self.root.partition("/")
        prefix = f"{below}/{begin}" if below else begin or None
        page: dict[str, Any] = {"nextPageToken": None}
        while "nextPageToken" in page:
            token = page["nextPageToken"]
            page = self.files.call("GET", "b/{}/o", bucket, prefix=prefix, pageToken=token, json_out=True)
            for what in page.get("items", []):
                # what ends so stands for a folder
                if not what["name"].endswith("/"):
                    yield f"{bucket}/{what['name']}", what

    @property
    def _is_local(self) -> bool:
        return isinstance(self.files, LocalFileSystem)

    def _fault(self, error: Exception) -> BreastsegError:
        why = f"{type(error).__name__}: {error}"
        return BreastsegError(f"{self.place} does not answer as it should ({why}). Look at its name and your rights")


def _version(what: Mapping[str, Any]) -> str:
    """Tell versions of a file apart by its size and by what its place counts or notes for each."""
    marks = (what.get(name) for name in ("generation", "etag", "ETag", "mtime"))
    return f"{what['size']}-{next(filter(None, marks), '')}"


def _write_aside(path: Path, content: bytes) -> None:
    """Write a file that is on the disk once it has its name: what it replaces may be removed then."""
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
