"""Kills, queues and forced reruns of the whole pipeline: minutes each, so only `make test-all` runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from tests.pipeline.conftest import commit_all
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.conftest import Tree

pytestmark = [pytest.mark.nightly, pytest.mark.xdist_group("pipeline")]

EPOCHS = 80  # long enough for a second dvc to come while the first one's trainer still runs


def trainers(tree: Tree) -> list[psutil.Process]:
    """Processes of this tree's CNN training, in the workspace or in a copy below it."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] and process.info["cmdline"][-1] == "stages.train_cnn":
            try:
                inside = process.cwd().startswith(str(tree.root))
            except psutil.NoSuchProcess:
                continue
            found += [process] if inside else []
    return found


def lock_of(tree: Tree, experiment: str) -> str:
    """The lock that a queued experiment ended with."""
    (ref,) = [
        line
        for line in tree.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
        if line.endswith(f"/{experiment}")
    ]
    return tree.run("git", "show", f"{ref}:dvc.lock")


def wait_for_state(tree: Tree) -> None:
    """Wait until a training has kept an epoch, so that there is something to resume from."""
    wait_until(lambda: list((tree.root / ".scratch/training").glob("cnn_unet-*/state")))


@pytest.fixture
def ready(finished: Tree, tmp_path: Path) -> Tree:
    """A finished tree in which the CNN is about to be trained for longer."""
    tree = finished.copy_to(tmp_path / "project")
    tree.edit_params({"train": {"epochs": EPOCHS}})
    commit_all(tree, "longer")
    return tree


@pytest.fixture(scope="module")
def uninterrupted(finished: Tree, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The lock after a training that nobody disturbed."""
    tree = finished.copy_to(tmp_path_factory.mktemp("uninterrupted") / "project")
    tree.edit_params({"train": {"epochs": EPOCHS}})
    tree.dvc("repro", "train_cnn")
    return (tree.root / "dvc.lock").read_text()


def test_two_forced_runs_give_one_lock(copied: Tree) -> None:
    lock = (copied.root / "dvc.lock").read_bytes()
    copied.dvc("repro", "--force")
    assert (copied.root / "dvc.lock").read_bytes() == lock


def test_a_killed_trainer_resumes_to_the_same_bytes(ready: Tree, uninterrupted: str) -> None:
    dvc = ready.start("dvc", "repro", "train_cnn")
    wait_for_state(ready)
    for trainer in trainers(ready):
        trainer.kill()
    dvc.communicate()
    assert dvc.returncode != 0
    assert "Resuming" in ready.dvc("repro", "train_cnn")
    assert (ready.root / "dvc.lock").read_text() == uninterrupted


def test_dvc_killed_alone_leaves_a_trainer_that_the_next_run_waits_for(ready: Tree, uninterrupted: str) -> None:
    dvc = ready.start("dvc", "repro", "train_cnn")
    wait_for_state(ready)
    dvc.kill()
    dvc.wait()
    assert trainers(ready), "the trainer was to outlive its dvc"
    output = ready.dvc("repro", "train_cnn")
    assert "Waiting for it" in output
    dvc.communicate()
    assert (ready.root / "dvc.lock").read_text() == uninterrupted


def has_failed_and_rests(tree: Tree) -> bool:
    """A worker that is about to end keeps another from being started, and takes no further task itself."""
    status = tree.dvc("queue", "status")
    return "Failed" in status and "0 active, 0 idle" in status


def test_a_killed_queued_run_resumes_from_the_main_repository(ready: Tree, uninterrupted: str) -> None:
    ready.dvc("exp", "run", "--queue", "--name", "first", "train_cnn")
    ready.start_queue()
    wait_for_state(ready)
    for trainer in trainers(ready):
        trainer.kill()
    wait_until(lambda: has_failed_and_rests(ready))
    ready.dvc("exp", "run", "--queue", "--name", "second", "train_cnn")
    ready.start_queue()
    wait_until(lambda: "Success" in ready.dvc("queue", "status"))
    assert "Resuming" in ready.dvc("queue", "logs", "second")
    assert lock_of(ready, "second") == uninterrupted


def test_a_queued_run_is_untouched_by_later_edits(ready: Tree, uninterrupted: str) -> None:
    ready.dvc("exp", "run", "--queue", "--name", "queued", "train_cnn")
    (ready.root / "src/breastseg/training/loss.py").write_text("raise SystemExit('edited after queueing')\n")
    ready.start_queue()
    wait_until(lambda: {"Success", "Failed"} & set(ready.dvc("queue", "status").split()))
    assert "Success" in ready.dvc("queue", "status"), ready.dvc("queue", "logs", "queued")
    assert lock_of(ready, "queued") == uninterrupted
