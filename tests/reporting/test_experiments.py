"""Experiments are looked for in a repository that can hold some; elsewhere the way out is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.reporting.experiments import list_experiments

pytestmark = pytest.mark.integration


def dvc_init(root: Path, *options: str) -> None:
    subprocess.run([Path(sys.executable).with_name("dvc"), "init", "--quiet", *options], cwd=root, check=True)  # noqa: S603 - fixed command


def test_a_folder_outside_a_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match=rf"{tmp_path} is in no DVC repository\. Run it in the project"):
        list_experiments((), tmp_path)


def test_dvc_without_git_or_without_a_commit_has_no_experiments(tmp_path: Path) -> None:
    for name in ("no git", "no commit"):
        (tmp_path / name).mkdir()
    dvc_init(tmp_path / "no git", "--no-scm")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path / "no commit", check=True)  # noqa: S607 - fixed command
    dvc_init(tmp_path / "no commit")
    for name in ("no git", "no commit"):
        with pytest.raises(
            BreastsegError, match=rf"{name} can hold no experiments .*Run it in a git repository with a commit"
        ):
            list_experiments((), tmp_path / name)


def test_unknown_experiments_are_all_named(repository: Path) -> None:
    assert list(list_experiments(("plain", "fold-0"), repository)) == ["plain", "fold-0"]
    with pytest.raises(ProblemsError, match=r"(?s)gone: is no experiment.*lost: is no experiment"):
        list_experiments(("lost", "plain", "gone"), repository)
