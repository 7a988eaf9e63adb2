"""A cross-validation is gathered out of DVC's experiments, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.comparison import compute_statistics
from breastseg.evaluation.compute_file import NetworkCost, write_costs
from breastseg.evaluation.per_image import Row, read_rows, write_rows
from breastseg.evaluation.reliability import write_bins
from breastseg.evaluation.report import read_statistics
from breastseg.evaluation.statistics import NETWORKS
from breastseg.params.evaluate import Evaluate
from breastseg.reporting.gather import gather
from breastseg.reporting.results import About, render_page
from tests.evaluation import world

ABOUT = About("All folds", "Some images", "A note")
FOLDS = 3
CASES = 8
EVALUATE = {"max_normal_false_positive_rate": 0.1, "resamples": 200, "seed": 0, "overlays": 1}
UNET = {"encoder": "some", "encoder_weights": None}
TRAIN = {"image_size": 64, "epochs": 1, "batch_size": 2}
PARAMS = {"model": "vit_unet", "seed": 0, "split": {"folds": FOLDS, "fold": 0}, "evaluate": EVALUATE, "train": TRAIN}
TABLES = ("per_image.csv", "reliability.csv", "compute.json")
# a pipeline of one stage, whose tables were made before
PIPELINE = {
    "cmd": "python judge.py",
    "deps": ["judge.py", "tables"],
    "params": ["split", "seed", "train"],
    "metrics": [{f"metrics/{name}": {"cache": False}} for name in TABLES],
}
JUDGE = """
import shutil, yaml
fold = yaml.safe_load(open("params.yaml"))["split"]["fold"]
shutil.copytree(f"tables/{fold}", "metrics", dirs_exist_ok=True)
"""


def rows_of(fold: int) -> list[Row]:
    """Both networks on the fold's own test cases, and on validation cases that are another fold's test cases."""
    rows = []
    for subset, first in (("test", fold * CASES), ("val", (fold + 1) % FOLDS * CASES)):
        for network, i in ((n, i) for n in NETWORKS for i in range(first, first + CASES)):
            seen = world.ellipse((30 + i % 5, 40), (10, 14)) if i % 4 else np.zeros((world.HEIGHT, world.WIDTH), bool)
            rows.append(world.row(network, i, seen, subset=subset))
    return rows


def git(root: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], cwd=root, check=True, env=os.environ | who, capture_output=True)  # noqa: S603, S607 - fixed command


def run(root: Path, name: str, *changes: str) -> None:
    """Run an experiment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    sets = [part for change in changes for part in ("-S", change)]
    command = ["dvc", "exp", "run", "--name", name, *sets]
    subprocess.run(command, cwd=root, check=True, env=os.environ | {"PATH": path}, capture_output=True)  # noqa: S603 - fixed command


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Experiments of three folds, one of them again with another seed."""
    root = tmp_path_factory.mktemp("gather")
    for fold in range(FOLDS):
        rows, folder = rows_of(fold), root / "tables" / str(fold)
        write_rows(rows, folder / "per_image.csv")
        write_bins(world.some_bins([row for row in rows if row.subset == "test"]), folder / "reliability.csv")
        write_costs(dict.fromkeys(NETWORKS, NetworkCost(1.0, 2.0)), folder / "compute.json")
    (root / "judge.py").write_text(JUDGE)
    (root / "params.yaml").write_text(yaml.safe_dump({**PARAMS, **dict.fromkeys(NETWORKS, UNET)}))
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"judge": PIPELINE}}))
    git(root, "init", "--quiet")
    subprocess.run([Path(sys.executable).with_name("dvc"), "init", "--quiet"], cwd=root, check=True)  # noqa: S603 - fixed command
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "start")
    for fold in range(FOLDS):
        run(root, f"fold-{fold}", f"split.fold={fold}")
    run(root, "other-seed", "split.fold=1", "seed=7")
    return root


NAMES = [f"fold-{fold}" for fold in range(FOLDS)]


def test_every_case_is_tested_once(repository: Path, tmp_path: Path) -> None:
    experiments = gather(NAMES[::-1], tmp_path / "folds", ABOUT, repository)
    assert [(e.name, e.fold) for e in experiments] == list(zip(NAMES, range(FOLDS), strict=True))
    rows = read_rows(tmp_path / "folds" / "per_image.csv")
    assert len(rows) == len(NETWORKS) * FOLDS * CASES == len({(row.network, row.case_id) for row in rows})
    expected = [row for fold in range(FOLDS) for row in rows_of(fold) if row.subset == "test"]
    bins = world.some_bins(expected)
    statistics = read_statistics(tmp_path / "folds" / "statistics.json")
    assert statistics == compute_statistics(expected, bins, Evaluate.model_validate(EVALUATE))
    assert (tmp_path / "folds" / "folds" / "2" / "dvc.lock").is_file()


def test_it_is_a_part_of_the_results_page(repository: Path, tmp_path: Path) -> None:
    gather(NAMES, tmp_path / "folds", ABOUT, repository)
    page = render_page(tmp_path)
    assert "## All folds" in page
    assert f"all {FOLDS} folds" in page
    dice = json.loads((tmp_path / "folds" / "evaluate.json").read_text())["vit_unet"]["dice"]
    assert f"{dice:.3f} [" in page


def test_missing_repeated_and_different_folds_are_all_told_and_nothing_is_written(
    repository: Path, tmp_path: Path
) -> None:
    with pytest.raises(ProblemsError, match=r"(?s)other-seed.*differs from fold-0 in seed.*split\.fold=2.*0 times"):
        gather(["fold-0", "other-seed"], tmp_path / "folds", ABOUT, repository)
    with pytest.raises(ProblemsError, match=r"split\.fold=1: was run 2 times"):
        gather([], tmp_path / "folds", ABOUT, repository)
    assert not list(tmp_path.iterdir())


def test_unknown_experiments_are_named_beside_the_known_ones(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match=r"nobody: is no experiment.*fold-0, fold-1, fold-2"):
        gather(["fold-0", "nobody"], tmp_path / "folds", ABOUT, repository)


def test_a_folder_is_never_overwritten(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "folds").mkdir()
    with pytest.raises(BreastsegError, match="exists"):
        gather(NAMES, tmp_path / "folds", ABOUT, repository)


def test_a_case_that_two_folds_tested_is_refused(repository: Path, tmp_path: Path) -> None:
    root = shutil.copytree(repository, tmp_path / "copy", symlinks=True)
    table = root / "tables" / "1" / "per_image.csv"
    write_rows([replace(row, subset="test") for row in read_rows(table)], table)
    for name in NAMES:
        run(root, f"{name}-overlapping", f"split.fold={name[-1]}")
    with pytest.raises(ProblemsError, match="was tested more than once"):
        gather([f"{name}-overlapping" for name in NAMES], tmp_path / "folds", ABOUT, root)
