"""A copy of this very tree as a DVC repository of its own, with small params, run once for all tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]

SMALL: dict[str, Any] = {
    "phantom": {"images": 40, "height_px": 96, "width_px": 112, "normal_share": 0.25},
    "split": {"folds": 3, "val_share": 0.34},
    "train": {"image_size": 64, "epochs": 2, "batch_size": 8, "warmup_share": 0.0},
    "cnn_unet": {"encoder": "tu-lcnet_035", "decoder_channels": [32, 24, 16, 8, 8]},
    "vit_unet": {"encoder": "tu-pvt_v2_b0", "decoder_channels": [32, 24, 16, 8, 8]},
    "evaluate": {"resamples": 200},
    "export": {"gate": {"min_dice": 0.0, "max_missed": 1.0, "max_normal_false_positive_rate": 1.0}},
    "monitoring": {"folds": 2},
}

# fails where the value is 0, else writes how many threads it may use
ONE_STAGE = """
stages:
  copy:
    cmd: grep -q "value. 0" params.yaml && exit 1 || echo $OMP_NUM_THREADS > out.txt
    params: [value]
    outs: [out.txt: {cache: false}]
"""


@dataclass(frozen=True)
class Tree:
    """A checkout that commands run in."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a user has: this interpreter first on the path, bytecode written, nothing of an outer DVC or make."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_", "PYTEST_", "MAKE", "MFLAGS"))}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        identity = {
            f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return kept | identity | {"PATH": path, "OMP_NUM_THREADS": "1"}

    def start(self, *command: str, apart: bool = False) -> subprocess.Popen[str]:
        """Start a command here and return at once; `apart` in a session of its own, as in another terminal."""
        return subprocess.Popen(  # noqa: S603 - the tests' own commands
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=apart,
        )

    def run(self, *command: str, fails: bool = False) -> str:
        """Run a command here and return what it printed; it must end as `fails` says."""
        process = self.start(*command)
        output, _ = process.communicate()
        assert (process.returncode != 0) == fails, output
        return output

    def dvc(self, *arguments: str, fails: bool = False) -> str:
        return self.run("dvc", *arguments, fails=fails)

    def start_queue(self) -> None:
        """Start a worker of the queue; it outlives the command, so it must not hold a pipe that is read to its end."""
        command = ["dvc", "queue", "start"]
        quiet = subprocess.DEVNULL
        subprocess.run(command, cwd=self.root, env=self.environment, check=True, stdout=quiet, stderr=quiet)  # noqa: S603 - fixed command

    def edit_params(self, changes: dict[str, Any]) -> None:
        path = self.root / "params.yaml"
        path.write_text(yaml.safe_dump(merged(yaml.safe_load(path.read_text()), changes), sort_keys=False))

    def copy_to(self, root: Path) -> Tree:
        shutil.copytree(self.root, root, symlinks=True)
        return Tree(root)


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, section by section."""
    nested = {k: merged(base[k], v) if isinstance(v, dict) else v for k, v in changes.items()}
    return {**base, **nested}


def working_tree_files() -> list[str]:
    """What git tracks, and what it would track."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout  # noqa: S603 - fixed command
    return [name for name in listing.split("\0") if name and (REPOSITORY / name).is_file()]


@pytest.fixture(scope="session")
def small_tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The tree as committed with small params, never run."""
    tree = Tree(tmp_path_factory.mktemp("pipeline") / "project")
    for name in working_tree_files():
        (tree.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, tree.root / name)
    for stale in ("dvc.lock", "metrics", "plots"):
        path = tree.root / stale
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    tree.edit_params(SMALL)
    tree.run("git", "init", "--quiet")
    commit_all(tree, "the tree with small params")
    return tree


@pytest.fixture(scope="session")
def finished(small_tree: Tree) -> Tree:
    """The small tree after one `dvc repro`, committed. Not to be changed: see `copied`."""
    tree = small_tree.copy_to(small_tree.root.with_name("finished"))
    tree.dvc("repro")
    commit_all(tree, "a small run")
    return tree


@pytest.fixture
def copied(finished: Tree, tmp_path: Path) -> Tree:
    """A copy of the finished tree, to be changed at will."""
    return finished.copy_to(tmp_path / "project")


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the user's own credentials."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))


@pytest.fixture
def small(small_tree: Tree, tmp_path: Path) -> Tree:
    """A repository of one stage that has run, with this project's make targets."""
    tree = Tree(tmp_path / "one stage")
    tree.root.mkdir()
    shutil.copy2(small_tree.root / "Makefile", tree.root)
    tree.run("git", "init", "--quiet")
    tree.dvc("init")
    (tree.root / "in.txt").write_text("in")
    (tree.root / "dvc.yaml").write_text("stages: {copy: {cmd: cp in.txt out.txt, deps: [in.txt], outs: [out.txt]}}")
    tree.dvc("repro")
    commit_all(tree, "a run")
    return tree


@pytest.fixture
def tiny(tmp_path: Path) -> Tree:
    """A clone of a repository with one stage, `ONE_STAGE`; nothing has run in it."""
    tree = Tree(tmp_path / "origin")
    tree.root.mkdir()
    tree.run("git", "init", "--quiet")
    tree.dvc("init")
    (tree.root / "params.yaml").write_text("value: 1\n")
    (tree.root / "dvc.yaml").write_text(ONE_STAGE)
    commit_all(tree, "one stage")
    tree.run("git", "clone", "--quiet", str(tree.root), str(tmp_path / "clone"))
    return Tree(tmp_path / "clone")


def commit_all(tree: Tree, message: str) -> None:
    tree.run("git", "add", "--all")
    tree.run("git", "commit", "--quiet", "--message", message)


def run_stages(output: str) -> list[str]:
    """The stages whose commands DVC ran."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def contents(root: Path, *names: str) -> dict[str, bytes]:
    """Relative path → bytes of all files below these folders or files."""
    found = [p for name in names for p in ([root / name] if (root / name).is_file() else (root / name).rglob("*"))]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in found if p.is_file()}


def outs(tree: Tree) -> list[str]:
    lock = yaml.safe_load((tree.root / "dvc.lock").read_text())
    return [out["path"] for stage in lock["stages"].values() for out in stage["outs"]]
