"""The scratch folder: whole states only, one trainer at a time."""

from __future__ import annotations

import logging
import os
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import torch

from breastseg.training.scratch import Scratch, TrainingState
from tests.training.trainee import PROCESSES
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Event
    from pathlib import Path


def state(epochs: int) -> TrainingState:
    weights = {"w": torch.full((50,), float(epochs))}
    history = [{"val_dice": 0.1 * epoch} for epoch in range(epochs)]
    return TrainingState(dict(weights), {"step": epochs}, {"last_epoch": epochs}, history, weights)


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path / "scratch", "key")


def test_gives_back_what_it_was_given(scratch: Scratch) -> None:
    with scratch.lock():
        assert scratch.read() is None
        scratch.write(state(1))
        scratch.write(state(2))
        found = scratch.read()
    assert found is not None
    assert found.history == state(2).history
    assert torch.equal(found.best["w"], state(2).best["w"])


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_state_is_told_of_and_not_used(
    scratch: Scratch, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with scratch.lock():
        scratch.write(state(1))
        (path,) = (tmp_path / "scratch").rglob("state")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes({"cut": content[:-1], "flipped": content, "empty": bytearray()}[damage])
        assert scratch.read() is None
    assert "is damaged" in caplog.text
    assert "first epoch" in caplog.text


def test_a_half_written_state_leaves_the_last_whole_one(scratch: Scratch, tmp_path: Path) -> None:
    with scratch.lock():
        scratch.write(state(1))
        (path,) = (tmp_path / "scratch").rglob("state")
        path.with_suffix(".partial").write_bytes(path.read_bytes()[:100])
        found = scratch.read()
        scratch.write(state(2))
    assert found is not None
    assert len(found.history) == 1
    assert not path.with_suffix(".partial").exists()


def test_cleared_it_holds_nothing_but_empty_lock_files(scratch: Scratch, tmp_path: Path) -> None:
    with scratch.lock():
        scratch.write(state(1))
        scratch.clear()
    assert all(path.stat().st_size == 0 for path in (tmp_path / "scratch").iterdir())
    with scratch.lock():
        assert scratch.read() is None


@pytest.mark.extended
def test_the_second_waits_says_how_to_end_the_first_and_gets_its_state(
    scratch: Scratch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held, go_on = PROCESSES.Event(), PROCESSES.Event()
    first = PROCESSES.Process(target=hold, args=(tmp_path / "scratch", held, go_on))
    first.start()
    assert held.wait(60)
    with caplog.at_level(logging.WARNING):
        releasing = Thread(target=release_once, args=(lambda: "kill" in caplog.text, go_on))
        releasing.start()
        with scratch.lock():
            found = scratch.read()
    first.join()
    releasing.join()
    assert f"kill {first.pid}" in caplog.text
    assert first.exitcode == 0
    # the first one has finished and cleared, but left its state to the one that waited
    assert found is not None


def test_a_killed_process_leaves_the_lock_free(scratch: Scratch, tmp_path: Path) -> None:
    held, go_on = PROCESSES.Event(), PROCESSES.Event()
    first = PROCESSES.Process(target=hold, args=(tmp_path / "scratch", held, go_on))
    first.start()
    assert held.wait(60)
    first.kill()
    first.join()
    with scratch.lock():
        assert scratch.read() is not None


def hold(root: Path, held: Event, go_on: Event) -> None:
    """Be a trainer that finishes when it is told to."""
    scratch = Scratch(root, "key")
    with scratch.lock():
        scratch.write(state(1))
        held.set()
        assert go_on.wait(60), f"process {os.getpid()} was not told to go on"
        scratch.clear()


def release_once(condition: Callable[[], bool], go_on: Event) -> None:
    wait_until(condition)
    go_on.set()
