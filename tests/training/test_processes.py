"""What is asked of several processes is checked before any of them starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from breastseg.errors import ProblemsError
from breastseg.params.base import load as load_params
from breastseg.params.train import Train
from breastseg.training.fit import fit
from breastseg.training.processes import check_processes, share_threads
from tests.training import trainee

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
TWO = {"devices": 2}


def test_a_number_that_somebody_else_gave_is_refused() -> None:
    train = load_params("train", Train, trainee.PARAMS).model_copy(update=TWO)
    with pytest.raises(ProblemsError, match="LOCAL_RANK: is set, so that no processes are started"):
        check_processes(train, CPU, {"LOCAL_RANK": "0"})


def test_machines_that_cannot_meet_are_told_what_is_missing() -> None:
    train = load_params("train", Train, trainee.PARAMS).model_copy(update={"nodes": 2})
    with pytest.raises(ProblemsError) as caught:
        check_processes(train, CPU, {"MASTER_ADDR": "192.0.2.1"})
    assert [problem.path for problem in caught.value.problems] == ["MASTER_PORT", "NODE_RANK"]


@pytest.mark.parametrize("number", ["2", "-1", "first"])
def test_a_machine_whose_number_is_none_of_theirs_is_refused(number: str) -> None:
    train = load_params("train", Train, trainee.PARAMS).model_copy(update={"nodes": 2})
    meeting = {"MASTER_ADDR": "192.0.2.1", "MASTER_PORT": "29500", "NODE_RANK": number}
    with pytest.raises(ProblemsError, match=rf"NODE_RANK: is '{number}', not one of 0\.\.1"):
        check_processes(train, CPU, meeting)


@pytest.mark.parametrize(
    ("knobs", "told"),
    [
        ({"devices": 2, "batch_size": 12}, "train: has 11 cases, 2 processes need 12"),
        ({"devices": 5, "batch_size": 5}, "val: has 4 cases, 5 processes need 5"),
    ],
)
def test_a_subset_too_small_to_share_is_refused(root: Path, knobs: dict[str, int], told: str) -> None:
    with pytest.raises(ProblemsError, match=told):
        fit(trainee.make_plan(root, **knobs))


def test_each_process_computes_with_its_share_of_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = [8]
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    for devices in (1, 2, 16):
        share_threads(devices)
    assert threads == [8, 4, 1]


def test_batches_that_cannot_be_shared_equally_are_refused() -> None:
    section = load_params("train", Train, trainee.PARAMS).model_dump()
    with pytest.raises(ValueError, match="batch_size 16 is not a multiple of devices times nodes, 3"):
        Train.model_validate({**section, "devices": 3})
