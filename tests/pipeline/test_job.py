"""A job whose machine is taken away goes on elsewhere, to the bytes of one that nobody disturbed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import psutil
import pytest

from benchmarks.serving.process import free_port
from breastseg.storage import Store
from tests.cloud_storage import BUCKET
from tests.pipeline.conftest import Tree, contents, outs, run_stages
from tests.pipeline.remotes import clone, with_remote
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.nightly, pytest.mark.xdist_group("pipeline")]

PLACE = f"gs://{BUCKET}/runs/longer"
# long enough for some epochs to be sent before the end
CHANGE = "train.epochs=40"
RUN = ("breastseg", "job", "run", PLACE, "--remote", f"gs://{BUCKET}/breastseg", "-S", CHANGE)
FETCH = ("breastseg", "job", "fetch", PLACE)


@pytest.fixture
def project(small_tree: Tree, storage: str, tmp_path: Path) -> Tree:
    """The tree with small params and a remote, never run."""
    return with_remote(small_tree.copy_to(tmp_path / "project"), storage)


@pytest.fixture
def new_machine(project: Tree, tmp_path: Path) -> Callable[[str], Tree]:
    """Make a machine with the tree as an image holds it: without git."""

    def make(name: str) -> Tree:
        machine = project.copy_to(tmp_path / name)
        shutil.rmtree(machine.root / ".git")
        machine.dvc("config", "--local", "core.no_scm", "true")
        machine.dvc("remote", "remove", "storage")
        return machine

    return make


def start(machine: Tree, *changes: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start the job, in a group of processes of its own; what it says goes to the file `log`."""
    with (machine.root / "log").open("w") as log:
        return subprocess.Popen(  # noqa: S603 - ours
            (*RUN, *changes),
            cwd=machine.root,
            env={**machine.environment, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def run_until_a_state_is_kept(machine: Tree) -> None:
    """Run the job, end all of it at once in mid-training, and leave nothing of its machine."""
    with start(machine) as job:
        try:
            wait_for_a_state(job, machine.root / "log")
        finally:
            # dvc leads a session of its own
            below = children_of(job.pid)
            job.kill()
            for process in below:
                process.kill()
            psutil.wait_procs(below)
    shutil.rmtree(machine.root)


def wait_for_a_state(job: subprocess.Popen[bytes], log: Path) -> None:
    def has_come() -> bool:
        assert job.poll() is None, log.read_text()
        return bool(Store.open(PLACE).names("states/cnn_unet-*/state"))

    wait_until(has_come, pause_s=0.2, shown=log.read_text)


def test_a_job_goes_on_where_its_machine_was_taken_away(
    project: Tree, new_machine: Callable[[str], Tree], tmp_path: Path
) -> None:
    run_until_a_state_is_kept(new_machine("first"))
    # nobody fetches half a run
    colleague = clone(project, tmp_path / "colleague")
    assert "is not finished" in colleague.run(*FETCH, fails=True)

    second = new_machine("second")
    output = second.run(*RUN)
    assert run_stages(output)[0] == "train_cnn"
    steps = re.findall(r"cnn_unet: +\d+%\|[^|]*\| (\d+)/", output)
    assert int(steps[0]) > 0
    assert Store.open(PLACE).names("states/*/state") == []

    colleague.run(*FETCH)
    assert contents(colleague.root, *outs(second)) == contents(second.root, *outs(second))
    assert "up to date" in colleague.dvc("status")
    assert run_stages(colleague.dvc("repro")) == []

    project.edit_params({"train": {"epochs": 40}})
    project.dvc("repro", "train_cnn")
    assert contents(project.root, "models/cnn_unet") == contents(second.root, "models/cnn_unet")


def test_what_a_job_was_at_ends_with_it(new_machine: Callable[[str], Tree]) -> None:
    """By SIGTERM, as a machine gives notice before it is taken away."""
    machine = new_machine("machine")
    with start(machine) as job:
        wait_for_a_state(job, machine.root / "log")
        below = children_of(job.pid)
        job.terminate()
        assert job.wait(timeout=240) == 1
    assert below
    assert [process.pid for process in below if process.is_running()] == []
    assert "Interrupted. Start the job again" in (machine.root / "log").read_text()
    # nobody holds what the next job needs
    assert run_stages(machine.dvc("repro", "prepare")) == []


def children_of(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_two_machines_train_together_and_the_first_keeps_it(
    project: Tree, new_machine: Callable[[str], Tree], tmp_path: Path
) -> None:
    """As on Vertex AI, which tells each machine of all; the second ends with the networks of the first."""
    pools = {"workerpool0": [f"127.0.0.1:{free_port()}"], "workerpool1": [f"127.0.0.1:{free_port()}"]}
    machines = [new_machine(pool) for pool in pools]
    changes = ("-S", "train.nodes=2", "-S", "train.epochs=2")
    jobs = [
        start(machine, *changes, CLUSTER_SPEC=json.dumps({"cluster": pools, "task": {"type": pool, "index": 0}}))
        for machine, pool in zip(machines, pools, strict=True)
    ]
    for machine, job in zip(machines, jobs, strict=True):
        assert job.wait(timeout=1200) == 0, (machine.root / "log").read_text()
    networks = ("models/cnn_unet", "models/vit_unet")
    assert contents(machines[0].root, *networks) == contents(machines[1].root, *networks)
    colleague = clone(project, tmp_path / "colleague")
    colleague.run(*FETCH)
    assert contents(colleague.root, *networks) == contents(machines[0].root, *networks)
    assert run_stages(colleague.dvc("repro")) == []
