"""Sets up a training that several processes share, on one machine or on several, and refuses what could not meet."""

from __future__ import annotations

import os
import time
from threading import Thread
from typing import TYPE_CHECKING

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy

from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lightning.fabric.plugins import ClusterEnvironment

    from breastseg.params.train import Train

# what tells processes on several machines where to meet and which of them they are
_MEETING = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")
_PORTS = 65536
_LEADER = "BREASTSEG_TRAINER"
_LOOK_EVERY_S = 1


def check_processes(train: Train, device: torch.device, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a start in which the processes would not find each other, or not find a device each.

    Args:
        train: How many processes there are to be.
        device: The device that is trained on.
        environment: Environment variables, of `torchrun` or set by hand.

    Raises:
        ProblemsError: `torchrun` has started another number, machines have no place to meet, or devices are missing.
    """
    problems = [*_launch_problems(train, environment), *_device_problems(train, device)]
    if problems:
        raise ProblemsError(f"{train.processes} processes cannot train together", problems)


def _launch_problems(train: Train, environment: Mapping[str, str]) -> Iterator[Problem]:
    if TorchElasticEnvironment.detect():
        started, here = int(environment["WORLD_SIZE"]), int(environment["LOCAL_WORLD_SIZE"])
        if (started, here) != (train.processes, train.devices):
            what = f"has started {started} processes, {here} of them here"
            wanted = f"train.devices {train.devices} on each of train.nodes {train.nodes}"
            yield Problem("torchrun", f"{what}, not {wanted}", "Set these alike")
    elif _LEADER in environment:
        # started, and told all this, by the first process of its machine
        return
    elif "LOCAL_RANK" in environment and train.processes > 1:
        yield Problem("LOCAL_RANK", "is set, so that no processes are started, but not by torchrun", "Unset it")
    elif train.nodes > 1:
        limits = {"NODE_RANK": range(train.nodes), "MASTER_PORT": range(1, _PORTS)}
        for name in _MEETING:
            if fault := _meeting_fault(environment.get(name), limits.get(name)):
                mend = "Set it on every machine, or start the stage with torchrun: docs/training.md"
                yield Problem(name, f"{fault}, and train.nodes is {train.nodes}", mend)


def _meeting_fault(value: str | None, limits: range | None) -> str | None:
    if not value:
        return "is not set"
    if limits is None or (value.isdecimal() and int(value) in limits):
        return None
    return f"is {value!r}, not one of {limits.start}..{limits.stop - 1}"


def _device_problems(train: Train, device: torch.device) -> Iterator[Problem]:
    found = torch.accelerator.device_count() if device.type != "cpu" else train.devices
    if train.devices > found:
        what = f"asks for {train.devices} {device.type} devices, this machine has {found}"
        yield Problem("train.devices", what, f"Set it to {found} or fewer, or train.accelerator to cpu")


def share_threads(devices: int) -> None:
    """Give each process of this machine its share of the threads that one alone would compute with.

    Lightning does so later, and not where the environment sets their number; but the result depends on it, and so what
    names the state of a training has to know it.
    """
    if devices > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // devices))


def meeting_place() -> str:
    """Return where the processes meet, `address:port`, as far as it is known yet."""
    return ":".join(os.environ.get(name, "?") for name in ("MASTER_ADDR", "MASTER_PORT"))


def is_loss_of_a_process(error: RuntimeError) -> bool:
    """Tell whether another process has ended in the midst of what it exchanged with this one."""
    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error)


def choose_strategy(train: Train, device: torch.device, *, releases: bool) -> DDPStrategy | str:
    """Return Lightning's strategy: one process alone, or data-parallel ones.

    Buffers are not broadcast before each step: every process keeps the statistics of its own shares, and
    `SegmentationTask` averages them before they are used.

    Args:
        train: How many processes there are.
        device: The device that is trained on.
        releases: Whether weights without a gradient in the first epochs have one later.
    """
    if train.processes == 1 and train.strategy == "auto":
        return "auto"
    # else the gradients' buckets are made anew after a process's first step, and three processes or more then add in
    # another order: a training that is carried on would come to other bytes
    keep_buckets = device.type == "cpu"
    find_unused = keep_buckets or releases
    return DDPStrategy(broadcast_buffers=False, gradient_as_bucket_view=True, find_unused_parameters=find_unused)


class _OneMachine(LightningEnvironment):
    """Has the processes of one machine meet there, whatever is left in the environment of another training."""

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    def node_rank(self) -> int:
        return 0


def choose_environment(train: Train) -> ClusterEnvironment:
    """Return what tells each process its number and where all meet.

    Lightning would ask others too, such as an allocation of Slurm, which know nothing of `train`.
    """
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    return LightningEnvironment() if train.nodes > 1 else _OneMachine()


def end_with_leader(local_rank: int, devices: int) -> None:
    """Have a machine's other processes end when its first one is gone, even while they still wait to meet it.

    Call it in every process before they meet. Lightning starts the others from the first; where `torchrun` does, it
    ends them itself.

    Args:
        local_rank: Number of this process on its machine, from 0.
        devices: Processes on this machine.
    """
    if devices == 1 or TorchElasticEnvironment.detect():
        return
    if local_rank == 0:
        os.environ[_LEADER] = str(os.getpid())
    elif (leader := os.environ.get(_LEADER)) is not None:
        Thread(target=_end_without, args=(int(leader),), daemon=True).start()


def _end_without(leader: int) -> None:
    while os.getppid() == leader:
        time.sleep(_LOOK_EVERY_S)
    # the main thread may be waiting for the leader outside of Python
    os._exit(1)
