"""The custom jobs for Vertex AI fit the command and the image; Google's own check of them needs a project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from dvc.utils.hydra import apply_overrides
from typer.core import TyperGroup
from typer.main import get_command

from breastseg.cli.job import job
from breastseg.params.base import load
from breastseg.params.train import Train
from tests.deploy.files import REPOSITORY, read_yaml

if TYPE_CHECKING:
    from pathlib import Path

JOBS = {kind: read_yaml(REPOSITORY / "deploy" / "gcp" / f"train-{kind}.yaml") for kind in ("cpu", "gpu", "several")}


def parse_arguments(kind: str) -> dict[str, Any]:
    """What the command understands of the arguments, which all machines of a job share."""
    group, command, *arguments = JOBS[kind]["workerPoolSpecs"][0]["containerSpec"]["args"]
    assert (group, command) == ("job", "run")
    assert all(pool["containerSpec"]["args"] == [group, command, *arguments] for pool in JOBS[kind]["workerPoolSpecs"])
    commands = get_command(job)
    assert isinstance(commands, TyperGroup)
    return dict(commands.commands[command].make_context(command, list(arguments)).params)


@pytest.mark.parametrize("kind", JOBS)
def test_the_command_takes_the_arguments(kind: str) -> None:
    parsed = parse_arguments(kind)
    assert parsed["place"] == "gs://BUCKET/runs/NAME"
    assert parsed["remote"] == "gs://BUCKET/breastseg"
    assert parsed["set_param"][0] == "train.epochs=60"


def test_the_training_asks_for_the_machines_and_devices_that_the_job_has(tmp_path: Path) -> None:
    pools = JOBS["several"]["workerPoolSpecs"]
    assert pools[0]["replicaCount"] == 1
    (devices,) = {pool["machineSpec"]["acceleratorCount"] for pool in pools}
    params = tmp_path / "params.yaml"
    params.write_bytes((REPOSITORY / "params.yaml").read_bytes())
    apply_overrides(str(params), parse_arguments("several")["set_param"])
    train = load("train", Train, params)
    assert (train.devices, train.nodes) == (devices, sum(pool["replicaCount"] for pool in pools))


@pytest.mark.parametrize("kind", JOBS)
def test_a_machine_that_is_taken_away_is_followed_by_another(kind: str) -> None:
    scheduling = JOBS[kind]["scheduling"]
    assert scheduling["strategy"] == "SPOT"
    assert scheduling["restartJobOnWorkerRestart"] is True
    assert re.fullmatch(r"\d+s", scheduling["timeout"])


def test_the_one_has_no_accelerator_and_the_other_one_that_fits_its_machine() -> None:
    cpu, gpu, _ = (job["workerPoolSpecs"][0]["machineSpec"] for job in JOBS.values())
    assert set(cpu) == {"machineType"}
    assert gpu["machineType"].startswith("g2-")
    assert gpu["acceleratorType"] == "NVIDIA_L4"
    rest = [{**spec, "workerPoolSpecs": spec["workerPoolSpecs"][0]["containerSpec"]} for spec in JOBS.values()]
    assert rest[0] == rest[1]


def test_the_image_has_all_that_the_stages_read() -> None:
    pipeline = read_yaml(REPOSITORY / "dvc.yaml")["stages"].values()
    read = {dep.partition("/")[0] for stage in pipeline for dep in stage["deps"] if "${" not in dep}
    made = {"data", "models"}
    kept = (REPOSITORY / "Dockerfile.train.dockerignore").read_text("utf-8").splitlines()
    assert {f"!{name}" for name in read - made} | {"!dvc.yaml", "!dvc.lock", "!params.yaml"} <= {*kept}
