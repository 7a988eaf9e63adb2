"""Check that a command which reads or writes the project's own folders runs at the project's root."""

from __future__ import annotations

from pathlib import Path

from breastseg.errors import BreastsegError

_MARKS = ("dvc.yaml", "params.yaml")


def require_root() -> None:
    """Refuse a sub-folder of a project, in which nothing of the project would be found.

    Raises:
        BreastsegError: The current folder is not a project's root, and one above it is.
    """
    here = Path.cwd()
    if not _is_root(here) and (root := next((folder for folder in here.parents if _is_root(folder)), None)):
        raise BreastsegError(f"This is a folder inside the project, not its root. Run `cd {root}` first")


def _is_root(folder: Path) -> bool:
    return all((folder / mark).is_file() for mark in _MARKS)
