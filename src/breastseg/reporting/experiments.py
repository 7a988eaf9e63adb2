"""Reads what experiments left out of DVC, never out of a folder that somebody may have changed since."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dvc.api import DVCFileSystem
from dvc.exceptions import NotDvcRepoError
from dvc.repo import Repo
from dvc.scm import SCMError
from dvc_data.index import DataIndexDirError

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.params.yaml_text import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

Params = dict[str, Any]

PARAMS, LOCK = "params.yaml", "dvc.lock"
# nothing that a network or its scores depend on
_FREE = ("model", "export")
_FREE_STAGES = ("export_onnx", "model_card")
_CODE = ("src/", "stages/")


@contextmanager
def repository(root: Path) -> Iterator[Repo]:
    """Open the repository for what is done with its experiments.

    Raises:
        BreastsegError: There is none, or none that can hold experiments.
    """
    try:
        with Repo(str(root)) as repo:
            yield repo
    except NotDvcRepoError as error:
        raise BreastsegError(f"{root.resolve()} is in no DVC repository. Run it in the project's folder") from error
    except SCMError as error:
        # no git, or no commit that an experiment could start from
        mend = "Run it in a git repository with a commit"
        raise BreastsegError(f"{root.resolve()} can hold no experiments ({error}). {mend}") from error


def list_experiments(names: Sequence[str], root: Path) -> dict[str, str]:
    """Name → git commit of the experiments that were asked for.

    Args:
        names: Experiments of the current commit; all of them without any name.
        root: The repository.

    Raises:
        BreastsegError: There is no experiment, or no repository.
        ProblemsError: Some are unknown.
    """
    with repository(root) as repo:
        listed = {name: rev for _, pairs in repo.experiments.ls().items() for name, rev in pairs}
    if unknown := [name for name in names if name not in listed]:
        known = f"Known on this commit: {', '.join(sorted(listed)) or 'none'}"
        raise ProblemsError("No such experiments", [Problem(name, "is no experiment", known) for name in unknown])
    if not listed:
        raise BreastsegError("There is no experiment on this commit. Run one with dvc exp run")
    return {name: listed[name] for name in names} if names else listed


def fetch(rev: str, paths: Mapping[str, str], folder: Path, root: Path) -> None:
    """Copy files and folders of an experiment into a folder.

    Args:
        rev: The experiment's git commit.
        paths: Path in the repository → path in the folder.
        folder: It is made.
        root: The repository.

    Raises:
        ProblemsError: Some are missing; all are named.
    """
    folder.mkdir(parents=True)
    source = DVCFileSystem(str(root), rev=rev)
    missing = [path for path, name in paths.items() if not _get(source, path, folder / name)]
    if missing:
        mend = "Bring it with `dvc pull`, or run the experiment again"
        problems = [Problem(path, "is neither in git nor in DVC's cache", mend) for path in missing]
        raise ProblemsError(f"The experiment {folder.name} is not whole", problems)


def _get(source: DVCFileSystem, path: str, target: Path) -> bool:
    """Copy a file or folder, if there is one; only the attempt tells, since DVC lists what its cache has lost."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.get(path, str(target), recursive=True)
    except (FileNotFoundError, DataIndexDirError):
        return False
    return True


def read_params(folder: Path) -> Params:
    """Read the params that were fetched into a folder."""
    params: Params = parse_yaml((folder / PARAMS).read_text(encoding="utf-8"))
    return params


def read_inputs(folder: Path) -> dict[tuple[str, str], str]:
    """What the stages that decide scores read of code and raw data: stage and dependency → hash, as DVC locked it."""
    lock = parse_yaml((folder / LOCK).read_text(encoding="utf-8"))
    raw = read_params(folder)["data"]["root"]
    return {
        (stage, dep["path"]): dep["md5"]
        for stage, entry in lock["stages"].items()
        for dep in entry.get("deps", [])
        if stage not in _FREE_STAGES and (dep["path"] == raw or dep["path"].startswith(_CODE))
    }


def differences(first: Params, second: Params, meant: Collection[str]) -> list[str]:
    """Name the params that differ, but for those that are meant to and those that decide no score."""
    flat = [{k: v for k, v in _flatten(p).items() if k.split(".")[0] not in _FREE} for p in (first, second)]
    keys = sorted({*flat[0], *flat[1]} - set(meant))
    return [key for key in keys if flat[0].get(key) != flat[1].get(key)]


def _flatten(params: Params, prefix: str = "") -> Params:
    flat: Params = {}
    for key, value in params.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
