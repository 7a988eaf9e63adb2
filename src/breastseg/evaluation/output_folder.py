"""A folder of results that belong together: all of its files appear once the last one is complete, or none does."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError, Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_ASIDE = ".partial"


@contextmanager
def replacing_files(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """Yield a folder to write to, inside `folder`; its files move to `folder` at the end, or vanish on an error.

    What stands in `folder` under the same names is replaced, other files stay. Sub-folders are scratch: they vanish.

    Args:
        folder: Made where it is missing, and removed again if nothing came of it.
        names: The files that are to be; whether they can be is told before there is any work.

    Raises:
        ProblemsError: Folders stand where files are to be.
        BreastsegError: The folder is a file, or cannot be written to.
    """
    aside, made = folder / _ASIDE, False
    try:
        require_folder(folder)
        _require_files(folder, names)
        made = not folder.exists()
        # what a run left that was killed
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        yield aside
        _move_files(aside, folder, names)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BreastsegError(f"Nothing is written to {folder} ({why}). Mend that, or name another --out") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if made:
            with suppress(OSError):  # it holds the files now, or could not be made
                folder.rmdir()


def require_folder(folder: Path) -> None:
    """Refuse a folder that is a file, or lies below one; it may be missing.

    Raises:
        BreastsegError: It is.
    """
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise BreastsegError(f"{path} is a file where a folder is needed. Name another folder with --out")


def _require_files(folder: Path, names: Collection[str]) -> None:
    mend = "Remove it, or name another --out"
    taken = [Problem(str(folder / name), "is a folder", mend) for name in names if (folder / name).is_dir()]
    if taken:
        raise ProblemsError("Folders stand where files are to be written", taken)


def _move_files(aside: Path, folder: Path, names: Collection[str]) -> None:
    # somebody may have made one meanwhile, and half of the files would be moved
    _require_files(folder, names)
    for name in names:
        (aside / name).replace(folder / name)
