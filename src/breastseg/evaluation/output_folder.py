"""A folder of results that belong together: all of its files appear once the last one is complete, or none does."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError, Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ASIDE = ".partial"


@contextmanager
def replacing_files(folder: Path) -> Iterator[Path]:
    """Yield a folder to write to, inside `folder`; its files move to `folder` at the end, or vanish on an error.

    What stands in `folder` under the same names is replaced, other files stay. Sub-folders are scratch: they vanish.

    Args:
        folder: Made where it is missing, and removed again if nothing came of it.

    Raises:
        BreastsegError: The folder is a file, or cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise BreastsegError(f"{folder} is a file. Name a folder with --out")
    aside, made = folder / _ASIDE, not folder.exists()
    try:
        # what a run left that was killed
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        yield aside
        _move_files(aside, folder)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BreastsegError(f"Nothing is written to {folder} ({why}). Mend that, or name another --out") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if made:
            with suppress(OSError):  # it holds the files now, or could not be made
                folder.rmdir()


def _move_files(aside: Path, folder: Path) -> None:
    files = sorted(path for path in aside.iterdir() if path.is_file())
    problems = [
        Problem(str(folder / file.name), "is a folder", "Remove it, or name another one with --out")
        for file in files
        if (folder / file.name).is_dir()
    ]
    if problems:
        raise ProblemsError("Folders stand where files are to be written", problems)
    for file in files:
        file.replace(folder / file.name)
