"""A state goes to the bucket while its training runs, comes back on another machine, and goes once it is no use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError
from breastseg.jobs.training_states import TrainingStates
from breastseg.storage import Store
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

NAME = "cnn_unet-0/state"


def write_epoch(folder: Path, content: bytes) -> None:
    """Replace the state, as a training does after an epoch."""
    file = folder / NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_bytes(content)
    os.utime(partial, ns=(0, int(content)))
    partial.replace(file)


@pytest.fixture
def store(bucket: str) -> Store:
    return Store.open(bucket)


def test_a_state_comes_back_on_another_machine_and_goes_once_it_is_no_use(store: Store, tmp_path: Path) -> None:
    states = TrainingStates(tmp_path / "first", store)
    with states.sent_meanwhile(0.01):
        write_epoch(tmp_path / "first", b"1")
        wait_until(lambda: store.names("*/state"))
        assert store.read(NAME) == b"1"
        write_epoch(tmp_path / "first", b"2")
    # the last one, however shortly before the end it came
    assert store.read(NAME) == b"2"

    TrainingStates(tmp_path / "second", store).restore()
    assert (tmp_path / "second" / NAME).read_bytes() == b"2"
    assert [path.name for path in (tmp_path / "second/cnn_unet-0").iterdir()] == ["state"]

    states.forget_finished()
    assert store.names("*/state") == [NAME]
    (tmp_path / "first" / NAME).unlink()
    states.forget_finished()
    assert store.names("*/state") == []


def test_what_is_here_is_not_put_back_to_an_earlier_epoch(store: Store, tmp_path: Path) -> None:
    store.write(NAME, b"1")
    write_epoch(tmp_path, b"2")
    TrainingStates(tmp_path, store).restore()
    assert (tmp_path / NAME).read_bytes() == b"2"


def test_a_bucket_that_cannot_be_written_to_ends_no_training(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise BreastsegError("the bucket is full")

    write_epoch(tmp_path, b"1")
    states = TrainingStates(tmp_path, store)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", refuse)
        with states.sent_meanwhile():
            pass
    assert "could not be kept: the bucket is full" in caplog.text
    # and it is tried again
    with states.sent_meanwhile():
        pass
    assert store.read(NAME) == b"1"
