"""A training that several processes share, run as `python -m tests.training.together ROOT '{"devices": 2}'`."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from breastseg.models import cnn_unet
from breastseg.params.cnn_unet import CnnUnet
from breastseg.training.fit import fit
from tests.training import trainee

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breastseg.models.network import SegmentationNetwork
    from breastseg.training.plan import TrainingPlan

REPOSITORY = Path(__file__).resolve().parents[2]
# a training in which nothing depends on who computes what: no random change, no statistics of a batch
EXACT = {"augment": trainee.UNCHANGED, "precision": "float32", "exact": True}


def start(
    root: Path,
    train: Mapping[str, Any],
    launcher: Sequence[str] = (sys.executable,),
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start a training on the inputs in `root`, in a group of processes of its own; a thread each."""
    path = os.pathsep.join(map(str, (REPOSITORY / "src", REPOSITORY)))
    surroundings = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **(environment or {})}
    command = [*launcher, "-m", __name__, str(root), json.dumps(train)]
    return subprocess.Popen(  # noqa: S603 - our own
        command, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for its end; return the exit code and all that was said."""
    said, _ = process.communicate(timeout=1200)
    return process.returncode, said


def run(root: Path, train: Mapping[str, Any], launcher: Sequence[str] = (sys.executable,)) -> dict[str, bytes]:
    """Train to the end; return the outs."""
    code, said = finish(start(root, train, launcher))
    assert code == 0, said
    return trainee.outs(root)


def run_alone(root: Path, train: Mapping[str, Any]) -> dict[str, bytes]:
    """Train in one process to the end; return the outs."""
    assert trainee.run(make_plan(root, train)) == 0
    return trainee.outs(root)


def make_plan(root: Path, train: Mapping[str, Any]) -> TrainingPlan:
    """`trainee.make_plan`, with one knob more: `exact` takes all from the network that its share of a batch changes."""
    plan = trainee.make_plan(root, **{name: value for name, value in train.items() if name != "exact"})
    return replace(plan, build=partial(_build_exact, plan.spec.params)) if "exact" in train else plan


def _build_exact(params: Mapping[str, Any]) -> SegmentationNetwork:
    network = cnn_unet.build(CnnUnet.model_validate_json(json.dumps({**params, "drop_path_rate": 0.0})), 1, 64)
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.GroupNorm(1, child.num_features))
    return network


def main() -> None:
    """Train as the arguments say."""
    root, train = Path(sys.argv[1]), json.loads(sys.argv[2])
    os.chdir(root)  # DVCLive looks for a repository here
    logging.basicConfig(format="%(message)s")
    logging.getLogger("breastseg").setLevel(logging.INFO)
    fit(make_plan(root, train))
    logging.getLogger("breastseg").info("Threads: %d", torch.get_num_threads())


if __name__ == "__main__":
    main()
