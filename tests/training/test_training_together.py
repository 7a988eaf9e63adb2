"""Processes that train together do what one does, and are killed and started again as one is."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load

from benchmarks.serving.process import free_port
from tests.training import together, trainee
from tests.waiting import wait_until

if TYPE_CHECKING:
    import subprocess

CPU = torch.device("cpu")
pytestmark = pytest.mark.nightly

TORCHRUN = (str(Path(sys.executable).with_name("torchrun")), "--standalone", "--nproc-per-node", "2")
TWO = {"devices": 2}


def make_root(root: Path) -> Path:
    root.mkdir()
    trainee.write_inputs(root)
    return root


def curve(outs: dict[str, bytes], name: str) -> list[float]:
    lines = outs[f"plots/plots/metrics/{name}.tsv"].decode().splitlines()
    return [float(line.split("\t")[1]) for line in lines[1:]]


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The outs of two processes that nothing killed."""
    return together.run(make_root(tmp_path_factory.mktemp("two") / "root"), TWO)


@pytest.mark.parametrize(
    ("devices", "batch_size"), [(2, 4), pytest.param(3, 6, id="unequal shares of the validation cases")]
)
def test_together_they_compute_what_one_does(tmp_path: Path, devices: int, batch_size: int) -> None:
    """Same order of the cases, same gradients, every validation case once: the same curves and weights."""
    knobs = {**together.EXACT, "batch_size": batch_size}
    alone = together.run_alone(make_root(tmp_path / "alone"), knobs)
    shared = together.run(make_root(tmp_path / "shared"), {**knobs, "devices": devices})
    for name in ("train_loss", "val_loss", "val_dice", "learning_rate"):
        np.testing.assert_allclose(curve(shared, name), curve(alone, name), rtol=1e-4, atol=1e-5)
    weights, expected = (load(outs["models/weights.safetensors"]) for outs in (shared, alone))
    assert weights.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(weights[name], value, rtol=1e-2, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("epochs", ["all", 1])
def test_together_they_freeze_and_release_what_one_does(tmp_path: Path, epochs: int | str) -> None:
    """Gradients of weights that are released are exchanged, and frozen weights are waited for by nobody."""
    rates = dict.fromkeys(("encoder_learning_rate", "decoder_learning_rate"), 0.01)
    knobs = {**together.EXACT, **rates, "encoder_frozen_layers": 3, "encoder_frozen_epochs": epochs}
    alone = together.run_alone(make_root(tmp_path / "alone"), knobs)
    shared = together.run(make_root(tmp_path / "shared"), {**knobs, **TWO})
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(curve(shared, name), curve(alone, name), rtol=1e-3)
    weights, expected = (load(outs["models/weights.safetensors"]) for outs in (shared, alone))
    for name, value in expected.items():
        np.testing.assert_allclose(weights[name], value, rtol=1e-2, atol=1e-3, err_msg=name)


def test_with_random_changes_the_scores_are_those_of_another_seed(tmp_path: Path) -> None:
    """Of ten seeds, best validation Dice of one process and of two differed by 0.03 (standard deviation of the pairs).

    So the mean of four pairs has a standard error of 0.015, and four of these are allowed.
    """
    knobs = {"epochs": 15, "encoder_learning_rate": 0.01, "decoder_learning_rate": 0.01, "ema_decay": 0.5}
    differences = []
    for seed in range(4):
        alone = together.run_alone(make_root(tmp_path / f"alone{seed}"), {**knobs, "seed": seed})
        shared = together.run(make_root(tmp_path / f"shared{seed}"), {**knobs, **TWO, "seed": seed})
        differences.append(max(curve(shared, "val_dice")) - max(curve(alone, "val_dice")))
    assert abs(np.mean(differences)) < 0.06


def test_torchrun_starts_them_too(tmp_path: Path, of_two: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also from within a training that some other process leads."""
    monkeypatch.setenv("BREASTSEG_TRAINER", str(os.getpid()))
    assert together.run(make_root(tmp_path / "root"), TWO, TORCHRUN) == of_two


def test_what_is_left_of_a_training_on_machines_is_no_matter_to_one(tmp_path: Path, of_two: dict[str, bytes]) -> None:
    left = {"MASTER_ADDR": "192.0.2.1", "NODE_RANK": "1", "SLURM_NTASKS": "2"}
    root = make_root(tmp_path / "root")
    code, said = together.finish(together.start(root, TWO, environment=left))
    assert code == 0, said
    assert trainee.outs(root) == of_two


def test_each_process_computes_with_its_share_of_the_threads_that_are_set(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root")
    code, said = together.finish(together.start(root, {**TWO, "epochs": 1}, environment={"OMP_NUM_THREADS": "2"}))
    assert code == 0, said
    assert said.count("Threads: 1\n") == 2


def start_machines(tmp_path: Path, *train: dict[str, Any]) -> list[subprocess.Popen[str]]:
    """Start a machine of each, in a folder of its own; they meet on loopback."""
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return [
        together.start(
            make_root(tmp_path / f"machine{rank}"),
            {"nodes": len(train), **knobs},
            environment={**meeting, "NODE_RANK": str(rank)},
        )
        for rank, knobs in enumerate(train)
    ]


def test_machines_that_would_train_different_things_are_refused(tmp_path: Path) -> None:
    for machine in start_machines(tmp_path, {}, {"seed": 1, "decoder_learning_rate": 0.1}):
        code, said = together.finish(machine)
        assert code == 1
        assert "Machine 2 has another train, seed than the first. Start all from the same commit" in said
    assert not list(tmp_path.glob("*/models"))


def test_a_place_to_meet_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": "0"}
        process = together.start(make_root(tmp_path / "root"), {"nodes": 2}, environment=meeting)
        code, said = together.finish(process)
    assert code == 1
    assert f"The processes cannot meet at 127.0.0.1:{port} (" in said
    assert "Look at MASTER_ADDR and MASTER_PORT" in said


def test_two_machines_end_with_the_same_outs(tmp_path: Path, of_two: dict[str, bytes]) -> None:
    for machine in start_machines(tmp_path, {}, {}):
        code, said = together.finish(machine)
        assert code == 0, said
    assert [trainee.outs(tmp_path / f"machine{rank}") for rank in range(2)] == [of_two, of_two]


@pytest.mark.parametrize(
    ("number", "target"),
    [
        (signal.SIGKILL, "first"),
        (signal.SIGTERM, "first"),
        (signal.SIGKILL, "second"),
        (signal.SIGINT, "all"),
    ],
)
def test_killed_and_restarted_equals_uninterrupted(
    tmp_path: Path, of_two: dict[str, bytes], number: signal.Signals, target: str
) -> None:
    root = make_root(tmp_path / "root")
    process = together.start(root, {**TWO, "epochs": trainee.EPOCHS})
    wait_until(lambda: bool(list(root.glob("scratch/*/state"))))
    other = _child(process)
    if target == "all":
        os.killpg(process.pid, number)
    else:
        os.kill(process.pid if target == "first" else other, number)
    code, said = together.finish(process)
    assert code != 0
    if (number, target) != (signal.SIGKILL, "first"):
        assert "Start it again: it goes on after the last complete epoch" in said
    wait_until(lambda: not Path("/proc", str(other)).exists())
    code, said = together.finish(together.start(root, TWO))
    assert code == 0, said
    assert said.count("Resuming after epoch") == 1
    assert trainee.outs(root) == of_two


def test_three_that_were_killed_come_to_the_same_bytes_too(tmp_path: Path) -> None:
    """Sums of three depend on their order, which must not depend on where a training was taken up."""
    knobs = {"devices": 3, "batch_size": 3, "epochs": trainee.EPOCHS}
    undisturbed = together.run(make_root(tmp_path / "undisturbed"), knobs)
    root = make_root(tmp_path / "root")
    process = together.start(root, knobs)
    wait_until(lambda: bool(list(root.glob("scratch/*/state"))))
    process.kill()
    together.finish(process)
    assert together.run(root, knobs) == undisturbed


def test_the_others_end_with_the_first_before_they_have_met(tmp_path: Path) -> None:
    process = together.start(make_root(tmp_path / "root"), TWO)
    wait_until(lambda: bool(_children(process)))
    other = _child(process)
    process.kill()
    together.finish(process)
    wait_until(lambda: not Path("/proc", str(other)).exists())


def test_a_diverged_training_is_told_of_once(tmp_path: Path) -> None:
    rates = dict.fromkeys(("decoder_learning_rate", "encoder_learning_rate", "gradient_clip_norm"), 1e30)
    code, said = together.finish(together.start(make_root(tmp_path / "root"), {**TWO, **rates}))
    assert code == 1
    assert said.count("The training loss of epoch") == 1


def test_another_number_by_torchrun_is_refused(tmp_path: Path) -> None:
    code, said = together.finish(together.start(make_root(tmp_path / "root"), {}, TORCHRUN))
    assert code == 1
    told = "torchrun: has started 2 processes, 2 of them here, not train.devices 1 on each of train.nodes 1"
    assert told in said
    assert not (tmp_path / "root" / "models").exists()


def _children(process: subprocess.Popen[str]) -> list[int]:
    listing = Path("/proc", str(process.pid), "task", str(process.pid), "children")
    return [int(child) for child in listing.read_text().split()] if listing.exists() else []


def _child(process: subprocess.Popen[str]) -> int:
    (child,) = _children(process)
    return child
