"""The custom jobs for Vertex AI fit the command and the image; Google's own check of them needs a project."""

from __future__ import annotations

import re

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from breastseg.cli.job import job
from tests.deploy.files import REPOSITORY, read_yaml

JOBS = {kind: read_yaml(REPOSITORY / "deploy" / "gcp" / f"train-{kind}.yaml") for kind in ("cpu", "gpu")}


@pytest.mark.parametrize("kind", JOBS)
def test_the_command_takes_the_arguments(kind: str) -> None:
    (pool,) = JOBS[kind]["workerPoolSpecs"]
    group, command, *arguments = pool["containerSpec"]["args"]
    assert (group, command) == ("job", "run")
    commands = get_command(job)
    assert isinstance(commands, TyperGroup)
    parsed = commands.commands[command].make_context(command, list(arguments)).params
    assert parsed == {
        "place": "gs://BUCKET/runs/NAME",
        "set_param": ["train.epochs=60"],
        "remote": "gs://BUCKET/breastseg",
    }


@pytest.mark.parametrize("kind", JOBS)
def test_a_machine_that_is_taken_away_is_followed_by_another(kind: str) -> None:
    scheduling = JOBS[kind]["scheduling"]
    assert scheduling["strategy"] == "SPOT"
    assert scheduling["restartJobOnWorkerRestart"] is True
    assert re.fullmatch(r"\d+s", scheduling["timeout"])


def test_the_one_has_no_accelerator_and_the_other_one_that_fits_its_machine() -> None:
    cpu, gpu = (JOBS[kind]["workerPoolSpecs"][0]["machineSpec"] for kind in ("cpu", "gpu"))
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
