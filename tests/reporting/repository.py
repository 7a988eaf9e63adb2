"""A repository with experiments of a pipeline of one stage, whose tables were made before."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import yaml

from breastseg.evaluation.comparison import compute_statistics
from breastseg.evaluation.compute_file import NetworkCost, write_costs
from breastseg.evaluation.per_image import Row, write_rows
from breastseg.evaluation.reliability import write_bins
from breastseg.evaluation.report import write_statistics
from breastseg.evaluation.statistics import NETWORKS
from breastseg.params.evaluate import Evaluate
from tests.evaluation import world

FOLDS = 3
CASES = 8
OTHER_SEED = 7
SHIFTS = {0: 0, OTHER_SEED: 3}
EVALUATE = {"max_normal_false_positive_rate": 0.1, "resamples": 200, "seed": 0, "overlays": 1}
UNET = {"encoder": "some", "encoder_weights": None}
TRAIN = {"image_size": 64, "epochs": 1, "batch_size": 2}
PARAMS = {
    "model": "vit_unet",
    "seed": 0,
    "split": {"folds": FOLDS, "fold": 0, "grouped": True},
    "data": {"root": "tables"},
    "evaluate": EVALUATE,
    "train": TRAIN,
}
TABLES = ("per_image.csv", "reliability.csv", "compute.json", "statistics.json")
PIPELINE = {
    "cmd": "python stages/judge.py",
    "deps": ["stages/judge.py", "tables"],
    "params": ["split", "seed", "train"],
    "outs": [
        "models/operating_points.json",
        "plots/split_counts.csv",
        *(f"{kind}/{network}" for network in NETWORKS for kind in ("models", "plots")),
    ],
    "metrics": [{f"metrics/{name}": {"cache": False}} for name in TABLES],
}
JUDGE = """
import json, pathlib, shutil, yaml
NETWORKS = ("cnn_unet", "vit_unet")
params = yaml.safe_load(open("params.yaml"))
suffix = "-other" if params["seed"] else ""
shutil.copytree(f"tables/{params['split']['fold']}{suffix}", "metrics", dirs_exist_ok=True)
fold = str(params["split"]["fold"])
point = {"temperature": 1.5, "threshold": 0.25, "min_area_share": 0.0125}
files = {"models/operating_points.json": json.dumps(dict.fromkeys(NETWORKS, point)), "plots/split_counts.csv": fold}
for network in NETWORKS:
    files[f"models/{network}/weights.safetensors"] = f"{network} of {fold}"
    files[f"plots/{network}/plots/metrics/val_dice.tsv"] = fold
for path, text in files.items():
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(text)
"""


def rows_of(fold: int, shift: int = 0) -> list[Row]:
    """Both networks on the fold's own test cases, and on validation cases that are another fold's test cases.

    Args:
        fold: The fold.
        shift: How far the predictions lie to the right, in pixels, as those of another seed may.
    """
    rows = []
    for subset, first in (("test", fold * CASES), ("val", (fold + 1) % FOLDS * CASES)):
        for network, i in ((n, i) for n in NETWORKS for i in range(first, first + CASES)):
            found = world.ellipse((30 + i % 5, 40 + shift), (10, 14))
            seen = found if i % 4 else np.zeros_like(found)
            rows.append(world.row(network, i, seen, subset=subset))
    return rows


def _git(root: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], cwd=root, check=True, env=os.environ | who, capture_output=True)  # noqa: S603, S607 - fixed command


def run_experiment(root: Path, name: str, *changes: str) -> None:
    """Run an experiment."""
    run_experiments(root, {name: changes})


def run_experiments(root: Path, experiments: dict[str, tuple[str, ...]]) -> None:
    """Run experiments by name, one after the other in one process: DVC takes a second to import."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands = [
        ["exp", "run", "--name", name, *(part for change in changes for part in ("-S", change))]
        for name, changes in experiments.items()
    ]
    program = f"import sys; from dvc.cli import main; sys.exit(any(main(command) for command in {commands!r}))"
    command = [sys.executable, "-c", program]
    subprocess.run(command, cwd=root, check=True, env=os.environ | {"PATH": path}, capture_output=True)  # noqa: S603 - fixed command


def make_repository(root: Path) -> Path:
    """Experiments of three folds with two seeds, and one whose split parts groups."""
    for fold, seed in product(range(FOLDS), (0, OTHER_SEED)):
        rows, folder = rows_of(fold, SHIFTS[seed]), root / "tables" / f"{fold}{'-other' if seed else ''}"
        write_rows(rows, folder / "per_image.csv")
        bins = world.some_bins([row for row in rows if row.subset == "test"])
        write_bins(bins, folder / "reliability.csv")
        write_statistics(compute_statistics(rows, bins, Evaluate.model_validate(EVALUATE)), folder / "statistics.json")
        write_costs(dict.fromkeys(NETWORKS, NetworkCost(1.0, 2.0)), folder / "compute.json")
    (root / "stages").mkdir()
    (root / "stages/judge.py").write_text(JUDGE)
    (root / "params.yaml").write_text(yaml.safe_dump({**PARAMS, **dict.fromkeys(NETWORKS, UNET)}))
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"judge": PIPELINE}}))
    _git(root, "init", "--quiet")
    subprocess.run([Path(sys.executable).with_name("dvc"), "init", "--quiet"], cwd=root, check=True)  # noqa: S603 - fixed command
    _git(root, "add", ".")
    _git(root, "commit", "--quiet", "--message", "start")
    experiments: dict[str, tuple[str, ...]] = {}
    for fold in range(FOLDS):
        experiments[f"fold-{fold}"] = (f"split.fold={fold}", "seed=0")
        experiments[f"fold-{fold}-seed-{OTHER_SEED}"] = (f"split.fold={fold}", f"seed={OTHER_SEED}")
    run_experiments(root, experiments | {"plain": ("split.fold=0", "split.grouped=false", "seed=0")})
    return root
