"""The workflows fit their schema, and call only what there is; no runner is needed to tell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from breastseg.params.base import load
from breastseg.params.export import Export
from tests.deploy.files import REPOSITORY, read_yaml, require_schema
from tests.tools import tool

if TYPE_CHECKING:
    from pathlib import Path

BASH = shutil.which("bash") or "bash"
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


def steps(file: Path) -> list[dict[str, str]]:
    return [step for job in read_yaml(file)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_fits_its_schema(file: Path) -> None:
    require_schema("vendor.github-workflows", file)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_calls_what_there_is(file: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    for step in steps(file):
        for target in re.findall(r"^make ([a-z-]+)", step.get("run", ""), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        for script in re.findall(r"^(\.ci/\w+)", step.get("run", ""), re.MULTILINE):
            assert (REPOSITORY / script).exists()


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_the_shell_reads_every_script(file: Path) -> None:
    for step in steps(file):
        done = subprocess.run([BASH, "-n"], input=step.get("run", ""), capture_output=True, text=True, check=False)  # noqa: S603 - our scripts
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_no_workflow_may_write_but_where_a_job_says_so(file: Path) -> None:
    assert read_yaml(file)["permissions"] == {"contents": "read"}
    # what others wrote, such as a branch's name, comes by the environment: in a script it would be run
    scripts = [step["run"] for step in steps(file) if "run" in step]
    assert not [script for script in scripts if re.search(r"\$\{\{ (?!matrix\.)", script)]


def test_a_release_refuses_a_model_that_fails_its_quality_gate(tmp_path: Path) -> None:
    scripts = [step.get("run", "") for step in steps(REPOSITORY / ".github" / "workflows" / "release.yml")]
    (script,) = [script for script in scripts if "on_failure" in script]
    build = "make image"
    assert script.rstrip().endswith(build)
    # before anything of it leaves the runner
    assert scripts.index(script) < min(i for i, other in enumerate(scripts) if re.search("docker (run|push)", other))
    params = tmp_path / "params.yaml"
    shutil.copyfile(REPOSITORY / "params.yaml", params)
    before = params.read_text("utf-8")
    assert load("export", Export, params).gate.on_failure == "mark"
    for _ in range(2):  # params that refuse already stay as they are
        subprocess.run([BASH, "-euo", "pipefail", "-c", script.replace(build, "")], cwd=tmp_path, check=True)  # noqa: S603 - our script
        assert load("export", Export, params).gate.on_failure == "fail"
    assert [a for a, b in zip(before.splitlines(), params.read_text("utf-8").splitlines(), strict=True) if a != b] == [
        line for line in before.splitlines() if "on_failure" in line
    ]


BASE = re.compile(r"^ARG PYTHON_IMAGE=(python:3\.11\.\d+-slim-bookworm)(@sha256:[0-9a-f]{64})?$", re.MULTILINE)
DOCKERFILES = ("Dockerfile.serve", "Dockerfile.train")


def test_both_images_start_from_one_base_that_is_named_in_full_and_once() -> None:
    texts = [(REPOSITORY / name).read_text("utf-8") for name in DOCKERFILES]
    assert len({found for text in texts for found in BASE.findall(text)}) == 1
    for text in texts:
        sources = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE))
        assert sources - set(re.findall(r" AS (\w+)$", text, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
        assert len(re.findall("python:", text)) == 1


def pin_base(folder: Path, answer: str) -> int:
    """Run the workflow's script in a folder, with a stand-in for Docker that gives an answer for our tag."""
    docker = folder / "docker"
    docker.write_text(f'#!/bin/sh\ncase "$*" in *"inspect python:3.11."*m" "*) echo "{answer}";; esac\n')
    docker.chmod(0o700)
    scripts = [step.get("run", "") for step in steps(REPOSITORY / ".github" / "workflows" / "base_image.yml")]
    (script,) = [script for script in scripts if "digest" in script]
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run([BASH, "-euo", "pipefail", "-c", script], cwd=folder, env=path, check=False).returncode  # noqa: S603 - our script


def test_the_base_is_pinned_to_the_digest_that_was_looked_up(tmp_path: Path) -> None:
    for name in DOCKERFILES:
        shutil.copyfile(REPOSITORY / name, tmp_path / name)
    # once added, it follows the tag
    for digest in (f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"):
        assert pin_base(tmp_path, digest) == 0
        for name in DOCKERFILES:
            before, after = ((folder / name).read_text("utf-8") for folder in (REPOSITORY, tmp_path))
            assert BASE.findall(after) == [(BASE.findall(before)[0][0], f"@{digest}")]
            assert BASE.sub("", after) == BASE.sub("", before)
    assert pin_base(tmp_path, "an error page") != 0
    assert all(digest in (tmp_path / name).read_text("utf-8") for name in DOCKERFILES)


def test_every_python_that_is_promised_is_tried() -> None:
    jobs = read_yaml(REPOSITORY / ".github" / "workflows" / "ci.yml")["jobs"]
    assert jobs["tests"]["strategy"]["matrix"]["python"] == ["3.12", "3.13", "3.14"]
    assert 'requires-python = ">=3.11"' in (REPOSITORY / "pyproject.toml").read_text("utf-8")
    locked = {file.stem for file in (REPOSITORY / "requirements").glob("*.txt")}
    assert set(jobs["audit"]["strategy"]["matrix"]["locked"]) == locked - {"sbom"}


@pytest.mark.parametrize(("told", "ending"), [("required", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_runner_that_has_the_tools_fails_without_one(
    told: str, ending: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_TOOLS", told)
    # both are caught, else this test would be skipped with the other one
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception), match="needs no-such-program: by hand") as ended:
        tool("no-such-program", way="by hand")
    assert ended.type is ending


def test_the_runner_that_installs_the_tools_does_not_skip_without_them() -> None:
    check = read_yaml(REPOSITORY / ".github" / "workflows" / "ci.yml")["jobs"]["check"]
    assert check["env"] == {"TEST_TOOLS": "required"}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_what_third_parties_wrote_is_named_by_its_commit(file: Path) -> None:
    used = [step["uses"] for step in steps(file) if "uses" in step]
    movable = [name for name in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)]
    assert [name for name in movable if not name.startswith("actions/")] == []
