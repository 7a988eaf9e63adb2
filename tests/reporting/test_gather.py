"""A cross-validation is gathered out of DVC's experiments, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from itertools import product
from statistics import mean, stdev
from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.comparison import compute_statistics
from breastseg.evaluation.per_image import read_rows, write_rows
from breastseg.evaluation.report import read_statistics
from breastseg.evaluation.statistics import ALL, NETWORKS
from breastseg.params.evaluate import Evaluate
from breastseg.reporting.gather import gather
from breastseg.reporting.results import About
from breastseg.reporting.results_page import render_page
from tests.evaluation import world
from tests.reporting.repository import CASES, EVALUATE, FOLDS, OTHER_SEED, SHIFTS, rows_of, run_experiment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from breastseg.evaluation.per_image import Row

pytestmark = pytest.mark.integration

ABOUT = About("All folds", "Some images", "A note")
NAMES = [f"fold-{fold}" for fold in range(FOLDS)]
ALL_NAMES = [*NAMES, *(f"{name}-seed-{OTHER_SEED}" for name in NAMES)]


def test_every_case_is_tested_once(repository: Path, tmp_path: Path) -> None:
    gathered = gather(NAMES[::-1], tmp_path / "folds", ABOUT, repository)
    assert [(e.name, e.fold) for e in gathered.experiments] == list(zip(NAMES, range(FOLDS), strict=True))
    rows = read_rows(tmp_path / "folds" / "per_image.csv")
    assert len(rows) == len(NETWORKS) * FOLDS * CASES == len({(row.network, row.case_id) for row in rows})
    expected = [row for fold in range(FOLDS) for row in rows_of(fold) if row.subset == "test"]
    bins = world.some_bins(expected)
    statistics = read_statistics(tmp_path / "folds" / "statistics.json")
    assert statistics == compute_statistics(expected, bins, Evaluate.model_validate(EVALUATE))
    assert (tmp_path / "folds" / "experiments" / "fold-2" / "dvc.lock").is_file()
    assert not gathered.spreads


def test_what_each_experiment_left_is_kept(repository: Path, tmp_path: Path) -> None:
    gather(NAMES, tmp_path / "folds", ABOUT, repository)
    kept = tmp_path / "folds" / "experiments" / "fold-2"
    assert json.loads((kept / "operating_points.json").read_text())["vit_unet"]["threshold"] == 0.25
    assert (kept / "split_counts.csv").read_text() == "2"
    assert (kept / "curves" / "vit_unet" / "plots" / "metrics" / "val_dice.tsv").read_text() == "2"
    weights = hashlib.sha256(b"vit_unet of 2").hexdigest()
    assert json.loads((kept / "trainings.json").read_text())["vit_unet"] == weights
    assert not list(kept.glob("**/*.safetensors"))


def test_the_page_tells_folds_apart(repository: Path, tmp_path: Path) -> None:
    gather(NAMES, tmp_path / "folds", ABOUT, repository)
    (line,) = (line for line in render_page(tmp_path).splitlines() if line.startswith("| 2 | 0 | `vit_unet` |"))
    dice = {
        subset: mean(
            row.dice for row in rows_of(2) if (row.network, row.subset) == ("vit_unet", subset) and row.dice is not None
        )
        for subset in ("val", "test")
    }
    assert line.startswith(f"| 2 | 0 | `vit_unet` | 0.25 | 1.25 % | {dice['val']:.3f} |")
    assert f"| {dice['test']:.3f} |" in line


def test_it_is_a_part_of_the_results_page(repository: Path, tmp_path: Path) -> None:
    gather(NAMES, tmp_path / "folds", ABOUT, repository)
    page = render_page(tmp_path)
    assert "## All folds" in page
    assert f"all {FOLDS} folds" in page
    dice = json.loads((tmp_path / "folds" / "evaluate.json").read_text())["vit_unet"]["dice"]
    assert f"{dice:.3f} [" in page


def test_scores_of_several_seeds_are_averaged_an_image_first(repository: Path, tmp_path: Path) -> None:
    gathered = gather(ALL_NAMES, tmp_path / "seeds", ABOUT, repository)
    assert [(e.fold, e.seed) for e in gathered.experiments] == list(product(range(FOLDS), (0, OTHER_SEED)))
    by_seed = {seed: _tested(range(FOLDS), seed) for seed in (0, OTHER_SEED)}
    statistics = read_statistics(tmp_path / "seeds" / "statistics.json")
    found = {(row.network, row.metric): row for row in statistics if row.stratum == ALL}
    for network in NETWORKS:
        averaged = [
            mean(row.dice for row in (first, second) if row.dice is not None)
            for first, second in zip(*by_seed.values(), strict=True)
            if first.network == network and first.truth_px
        ]
        assert found[network, "dice"].n == len(averaged)
        assert found[network, "dice"].mean == pytest.approx(mean(averaged), abs=1e-5)


def test_the_spread_between_seeds_is_told_apart(repository: Path, tmp_path: Path) -> None:
    names = ["fold-1", f"fold-1-seed-{OTHER_SEED}"]
    gathered = gather(names, tmp_path / "seeds", ABOUT, repository)
    (spread,) = (s for s in gathered.spreads if (s.network, s.metric) == ("cnn_unet", "dice"))
    expected = {
        seed: mean(r.dice for r in _tested([1], seed) if r.network == "cnn_unet" and r.dice is not None)
        for seed in (0, OTHER_SEED)
    }
    assert spread.means == pytest.approx(expected, abs=1e-5)
    assert spread.sd == pytest.approx(stdev(expected.values()), abs=1e-5)
    page = render_page(tmp_path)
    assert f"seed 0, {OTHER_SEED}, fold 1 of {FOLDS}" in page
    assert f"Standard deviation of the mean between seeds: Dice {spread.sd:.3f} (cnn_unet)" in page


def _tested(folds: Iterable[int], seed: int) -> list[Row]:
    """What the experiments of a seed say of their test cases, in one order for all seeds."""
    rows = [row for fold in folds for row in rows_of(fold, SHIFTS[seed]) if row.subset == "test"]
    return sorted(rows, key=lambda row: (row.network, row.case_id))


def test_missing_repeated_and_different_experiments_are_all_told_and_nothing_is_written(
    repository: Path, tmp_path: Path
) -> None:
    with pytest.raises(ProblemsError, match=r"(?s)plain: differs from fold-0 in split.grouped.*split\.fold=1.*0 times"):
        gather(["fold-0", "fold-2", "plain"], tmp_path / "folds", ABOUT, repository)
    with pytest.raises(ProblemsError, match=r"split\.fold=0, seed=0: was run 2 times"):
        gather([], tmp_path / "folds", ABOUT, repository)
    with pytest.raises(ProblemsError, match=r"split\.fold=2, seed=7: was run 0 times.*-S split.fold=2 -S seed=7"):
        gather(ALL_NAMES[:-1], tmp_path / "folds", ABOUT, repository)
    with pytest.raises(ProblemsError, match=r"split\.fold=1, seed=0: was run 0 times"):
        gather(["fold-0"], tmp_path / "folds", ABOUT, repository)
    assert not list(tmp_path.iterdir())


def test_unknown_experiments_are_named_beside_the_known_ones(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match=r"nobody: is no experiment.*fold-0, fold-0-seed-7, fold-1"):
        gather(["fold-0", "nobody"], tmp_path / "folds", ABOUT, repository)


def test_a_folder_is_never_overwritten(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "folds").mkdir()
    with pytest.raises(BreastsegError, match="exists"):
        gather(NAMES, tmp_path / "folds", ABOUT, repository)


@pytest.mark.nightly
def test_a_case_that_two_folds_tested_is_refused(repository: Path, tmp_path: Path) -> None:
    root = shutil.copytree(repository, tmp_path / "copy", symlinks=True)
    table = root / "tables" / "1" / "per_image.csv"
    write_rows([replace(row, subset="test") for row in read_rows(table)], table)
    for name in NAMES:
        run_experiment(root, f"{name}-overlapping", f"split.fold={name[-1]}")
    with pytest.raises(ProblemsError, match="was tested more than once"):
        gather([f"{name}-overlapping" for name in NAMES], tmp_path / "folds", ABOUT, root)


@pytest.mark.nightly
def test_a_case_that_no_fold_tested_is_told(repository: Path, tmp_path: Path) -> None:
    root = shutil.copytree(repository, tmp_path / "copy", symlinks=True)
    table = root / "tables" / "1" / "per_image.csv"
    rows = read_rows(table)
    lost = min(row.case_id for row in rows if row.subset == "test")
    write_rows([row for row in rows if row.case_id != lost], table)
    for name in NAMES:
        run_experiment(root, f"{name}-short", f"split.fold={name[-1]}")
    with pytest.raises(ProblemsError, match="stands in a table, but no fold of seed 0 tested it") as caught:
        gather([f"{name}-short" for name in NAMES], tmp_path / "folds", ABOUT, root)
    assert [problem.path for problem in caught.value.problems] == [lost]
    assert not (tmp_path / "folds").exists()


@pytest.mark.nightly
def test_experiments_of_other_code_or_other_images_are_told_by_stage_and_dependency(
    repository: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(repository, tmp_path / "copy", symlinks=True)
    (root / "stages/judge.py").write_text((root / "stages/judge.py").read_text() + "# edited")
    run_experiment(root, "fold-1-edited", "split.fold=1", "split.grouped=true")
    (root / "tables" / "notes.txt").write_text("another image")
    run_experiment(root, "fold-2-other", "split.fold=2", "split.grouped=true")
    with pytest.raises(ProblemsError, match="made by different code") as caught:
        gather(["fold-0", "fold-1-edited", "fold-2-other"], tmp_path / "folds", ABOUT, root)
    assert [(problem.path, problem.what) for problem in caught.value.problems] == [
        ("fold-1-edited", "differs from fold-0 in stages/judge.py, which stage judge read"),
        ("fold-2-other", "differs from fold-0 in stages/judge.py, which stage judge read"),
        ("fold-2-other", "differs from fold-0 in tables, which stage judge read"),
    ]
    assert not (tmp_path / "folds").exists()


def test_an_experiment_that_is_not_whole_is_told(repository: Path, tmp_path: Path) -> None:
    root = shutil.copytree(repository, tmp_path / "copy", symlinks=True)
    shutil.rmtree(root / ".dvc" / "cache" / "files")
    (root / "models/operating_points.json").unlink()
    with pytest.raises(ProblemsError, match=r"fold-0 is not whole.*\n.*models/operating_points\.json"):
        gather(NAMES, tmp_path / "folds", ABOUT, root)


def test_outside_of_a_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="no DVC repository"):
        gather([], tmp_path / "folds", ABOUT, tmp_path)
    assert not list(tmp_path.iterdir())
