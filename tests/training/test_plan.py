"""What a stage of the pipeline trains, and where it keeps its state."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from breastseg.models import cnn_unet
from breastseg.params.base import load
from breastseg.params.cnn_unet import CnnUnet
from breastseg.training.plan import TrainingPlan, plan_stage
from tests.training import trainee


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingPlan:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    shutil.copy(trainee.PARAMS, "params.yaml")
    return planned()


def planned() -> TrainingPlan:
    params = load("cnn_unet", CnnUnet)
    return plan_stage("cnn_unet", params, partial(cnn_unet.build, params))


def test_the_checkpoint_describes_the_network_that_is_built(plan: TrainingPlan) -> None:
    assert plan.spec.network == "cnn_unet"
    assert (plan.spec.channels, plan.spec.image_size) == (plan.train.channels, plan.train.image_size)
    assert plan.spec.params == load("cnn_unet", CnnUnet).model_dump(mode="json")


def test_the_state_lies_in_the_main_repository(
    plan: TrainingPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan.scratch == Path(".scratch/training")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert planned().scratch == tmp_path / "main" / ".scratch" / "training"
