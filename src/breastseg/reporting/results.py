"""Keeps what a run left in a folder below docs/results/, so that each reported figure can be traced to its run."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breastseg.errors import Problem, ProblemsError
from breastseg.evaluation.json_file import write_json
from breastseg.evaluation.statistics import NETWORKS
from breastseg.params.yaml_text import parse_yaml
from breastseg.reporting.environment import describe_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# where a run leaves a file → its name in the results folder
FILES = {
    "params.yaml": "params.yaml",
    "dvc.lock": "dvc.lock",
    "metrics/evaluate.json": "evaluate.json",
    "metrics/statistics.json": "statistics.json",
    "metrics/compute.json": "compute.json",
    "metrics/release.json": "release.json",
    "metrics/per_image.csv": "per_image.csv",
    "metrics/reliability.csv": "reliability.csv",
    "models/operating_points.json": "operating_points.json",
    "plots/split_counts.csv": "split_counts.csv",
}
# they follow from the tables, or are about the exported model
FOLLOWING = frozenset({"evaluate.json", "statistics.json", "release.json"})
CURVES = {f"plots/{network}": f"curves/{network}" for network in NETWORKS}
ABOUT, ENVIRONMENT = "about.json", "environment.json"
# in the folder of gathered experiments only, the second where they have several seeds
EXPERIMENTS, SEEDS = "experiments.json", "seeds.json"
# what each network's training ended with: network → SHA-256 of its weights
TRAININGS = "trainings.json"
WEIGHTS = {network: f"models/{network}/weights.safetensors" for network in NETWORKS}


@dataclass(frozen=True)
class About:
    """What a reader should know of a run beside its files.

    Attributes:
        title: A heading.
        data: The images, and how many.
        note: What the run shows, and anything unusual about it.
    """

    title: str
    data: str
    note: str


def save_run(name: str, about: About, root: Path) -> Path:
    """Copy the outs of the run in the workspace to `docs/results/<name>/`.

    Args:
        name: Name of the folder.
        about: What to say about the run.
        root: The repository.

    Returns:
        The folder.

    Raises:
        ProblemsError: Outs are missing or of other params, or the folder exists; nothing is written.
    """
    target = root / "docs/results" / name
    problems = [
        Problem(path, "is missing", "Run `dvc repro`")
        for path in (*FILES, *CURVES, *WEIGHTS.values())
        if not (root / path).exists()
    ]
    if target.exists():
        problems.append(Problem(str(target.relative_to(root)), "exists", "Choose another name, or remove it"))
    problems = problems or _stale_params(root)
    if problems:
        raise ProblemsError("The run cannot be saved", problems)
    partial = target.with_name(f".{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for source, copy in FILES.items():
        shutil.copyfile(root / source, partial / copy)
    for source, copy in CURVES.items():
        shutil.copytree(root / source, partial / copy)
    write_trainings({network: root / path for network, path in WEIGHTS.items()}, partial)
    write_json(vars(about), partial / ABOUT)
    write_json(describe_environment(), partial / ENVIRONMENT)
    return partial.rename(target)


def write_trainings(weights: Mapping[str, Path], folder: Path) -> None:
    """Write down which weights each network's training ended with, to tell later whose a model is."""
    write_json({network: _sha256(path) for network, path in weights.items()}, folder / TRAININGS)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stale_params(root: Path) -> list[Problem]:
    """Name the stages that did not run with the params that stand in the workspace."""
    params = parse_yaml((root / "params.yaml").read_text(encoding="utf-8"))
    stages = parse_yaml((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    ran_with = {name: stage.get("params", {}).get("params.yaml", {}) for name, stage in stages.items()}
    return [
        Problem(f"stage {name}", "ran with other params than those of params.yaml", "Run `dvc repro`")
        for name, sections in ran_with.items()
        if any(_value_of(params, key) != value for key, value in sections.items())
    ]


def _value_of(params: object, key: str) -> object:
    """Return what a key such as `data.root` has in the params, or None."""
    for name in key.split("."):
        params = params.get(name) if isinstance(params, dict) else None
    return params
