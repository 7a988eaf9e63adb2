"""What a run leaves in a bucket beside DVC's remote: the files that git would hold, and how far it has come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dvc.repo import Repo
from pydantic import BaseModel, ConfigDict, ValidationError

from breastseg.errors import BreastsegError
from breastseg.files import replacing

if TYPE_CHECKING:
    from breastseg.storage import Store

_RECORD = "job.json"
_FILES = "files/"
PARAMS = "params.yaml"
_ALWAYS = (PARAMS, "dvc.lock")


class Record(BaseModel):
    """How far a run has come.

    Attributes:
        overrides: What it changes in `params.yaml`, as `dvc exp run -S` writes it.
        finished: Whether all stages have run and everything is in the remote.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    overrides: tuple[str, ...]
    finished: bool


class KeptRun:
    """A run's place in a bucket.

    Args:
        store: The place.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self) -> Record | None:
        """Return how far the run has come; None where it has not begun.

        Raises:
            BreastsegError: The place cannot be read, or holds something else.
        """
        if _RECORD not in self._store.names("*"):
            return None
        try:
            return Record.model_validate_json(self._store.read(_RECORD))
        except ValidationError as error:
            raise BreastsegError(f"{self._store.place} holds another kind of {_RECORD}. Name another place") from error

    def keep(self, record: Record, root: Path) -> None:
        """Keep the tree's files that git would hold and that stages write, then how far the run has come."""
        for name in _held_by_git(root):
            self._store.write(f"{_FILES}{name}", (root / name).read_bytes())
        self._store.write(_RECORD, record.model_dump_json().encode())

    def params(self) -> str:
        """Return the kept `params.yaml`."""
        return self._store.read(f"{_FILES}{PARAMS}").decode()

    def names(self) -> list[str]:
        """Return the kept files, by their paths in a tree.

        Raises:
            BreastsegError: One of them would lie outside of the tree.
        """
        names = [name.removeprefix(_FILES) for name in self._store.names(f"{_FILES}**")]
        if outside := [name for name in names if ".." in Path(name).parts or Path(name).is_absolute()]:
            raise BreastsegError(f"{self._store.place} holds files for other folders: {', '.join(outside)}")
        return names

    def restore(self, root: Path) -> None:
        """Write the kept files into a tree."""
        for name in self.names():
            with replacing(root / name) as partial:
                partial.write_bytes(self._store.read(f"{_FILES}{name}"))


def _held_by_git(root: Path) -> list[str]:
    with Repo(str(root)) as repo:
        outs = [Path(out.fs_path) for out in repo.index.outs if not out.use_cache]
    paths = [*outs, *(root.resolve() / name for name in _ALWAYS)]
    # a folder's files, or the file itself
    files = (file for path in paths for file in (path, *path.rglob("*")) if file.is_file())
    return sorted(file.relative_to(root.resolve()).as_posix() for file in files)
