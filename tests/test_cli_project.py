"""Commands on the project's own folders say that they were started in a sub-folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from breastseg.cli import app
from breastseg.cli.project import require_root
from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

COMMANDS = (
    "summary",
    "report",
    "gather out",
    "leakage a b",
    "release",
    "results page",
    "results check a b",
    "results save a --title a --data a --note a",
    "experiments run --jobs 1",
    "data push",
    "data pull",
    "job run gs://bucket/runs/a",
    "job fetch gs://bucket/runs/a",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).touch()
    (tmp_path / "docs" / "results").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_sub_folder_is_refused_with_the_way_to_the_root(
    project: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(project / "docs" / "results")
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 1
    assert f"Run `cd {project}` first" in done.output
    assert not list((project / "docs" / "results").iterdir())


def test_the_root_and_what_is_in_no_project_pass(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (project, tmp_path_factory.mktemp("elsewhere")):
        monkeypatch.chdir(folder)
        require_root()
    monkeypatch.chdir(project / "docs")
    with pytest.raises(BreastsegError, match="not its root"):
        require_root()
