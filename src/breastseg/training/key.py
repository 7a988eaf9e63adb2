"""Hashes everything that decides the result of a training, so that a resume never mixes two trainings."""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from breastseg.training.plan import TrainingPlan

_LIBRARIES = ("lightning", "numpy", "pillow", "segmentation-models-pytorch", "timm", "torch")


def training_key(plan: TrainingPlan, device: torch.device, precision: str) -> str:
    """Return 32 hexadecimal digits that change with anything that may change the bytes of the outs.

    Call it once all modules of the package that the training uses are imported: their code is part of the key.

    Args:
        plan: The training.
        device: The device that is trained on.
        precision: Lightning's name of the precision.
    """
    machine = [str(device), _processor(device), torch.get_num_threads(), precision]
    facts = training_facts(plan) | {"code": _code(), "machine": machine}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def training_facts(plan: TrainingPlan) -> dict[str, Any]:
    """Return by name what processes that train together have to have alike, as JSON takes it."""
    return {
        "network": plan.spec.model_dump(mode="json"),
        "train": plan.train.model_dump(mode="json"),
        "seed": plan.seed,
        "cases": _digest(plan.table),
        "split": _digest(plan.split),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def _code() -> dict[str, str]:
    modules = {name: m.__file__ for name, m in sys.modules.items() if name.split(".")[0] == "breastseg"}
    return {name: _digest(Path(file)) for name, file in modules.items() if file is not None}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _processor(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return torch.backends.cpu.get_cpu_capability()
