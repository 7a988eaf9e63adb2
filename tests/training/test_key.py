"""The key changes with everything that may change the outs, and with nothing else."""

from __future__ import annotations

import dataclasses
import sys
import types
from typing import TYPE_CHECKING

import pytest
import torch

from breastseg.training.key import training_key
from tests.training import trainee

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")


def key(root: Path, precision: str = "32-true", **changes: object) -> str:
    return training_key(dataclasses.replace(trainee.make_plan(root), **changes), CPU, precision)  # type: ignore[arg-type]


def test_folders_do_not_matter(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("elsewhere")
    trainee.write_inputs(other)
    assert key(root) == key(other)
    assert key(root) == key(root, checkpoint=other, curves=other, scratch=other)


def test_seed_params_network_and_precision_matter(root: Path) -> None:
    plan = trainee.make_plan(root)
    keys = [
        key(root),
        key(root, precision="bf16-mixed"),
        key(root, seed=1),
        key(root, train=plan.train.model_copy(update={"epochs": 5})),
        key(root, spec=plan.spec.model_copy(update={"params": {**plan.spec.params, "drop_path_rate": 0.0}})),
        key(root, spec=plan.spec.model_copy(update={"network": "vit_unet"})),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", ["cases.parquet", "splits.csv"])
def test_the_content_of_the_inputs_matters(root: Path, name: str) -> None:
    before = key(root)
    path = root / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert key(root) != before


def test_the_code_of_the_package_matters(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "edited.py"
    source.write_text("RATE = 1\n")
    module = types.ModuleType("breastseg.models.edited")
    module.__file__ = str(source)
    monkeypatch.setitem(sys.modules, "breastseg.models.edited", module)
    before = key(root)
    source.write_text("RATE = 2\n")
    assert key(root) != before


def test_the_number_of_threads_matters(root: Path) -> None:
    """Sums are split among them, so that their last bits differ."""
    threads = torch.get_num_threads()
    before = key(root)
    try:
        torch.set_num_threads(threads + 1)
        assert key(root) != before
    finally:
        torch.set_num_threads(threads)
