"""A cross-validation is gathered out of DVC's experiments, whole or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.comparison import compute_statistics
from breastseg.evaluation.per_image import read_rows, write_rows
from breastseg.evaluation.report import read_statistics
from breastseg.evaluation.statistics import NETWORKS
from breastseg.params.evaluate import Evaluate
from breastseg.reporting.gather import gather
from breastseg.reporting.results import About, render_page
from tests.evaluation import world
from tests.reporting.repository import CASES, EVALUATE, FOLDS, rows_of, run_experiment

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = About("All folds", "Some images", "A note")
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
        run_experiment(root, f"{name}-overlapping", f"split.fold={name[-1]}")
    with pytest.raises(ProblemsError, match="was tested more than once"):
        gather([f"{name}-overlapping" for name in NAMES], tmp_path / "folds", ABOUT, root)
