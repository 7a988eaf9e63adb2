"""Joins the experiments of a cross-validation, so that every image is judged once, by networks that never saw it."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.evaluation.comparison import compute_statistics
from breastseg.evaluation.json_file import write_json
from breastseg.evaluation.per_image import Row, read_rows, write_rows
from breastseg.evaluation.reliability import read_bins, write_bins
from breastseg.evaluation.report import headline, write_statistics
from breastseg.params.evaluate import Evaluate
from breastseg.reporting.environment import describe_environment
from breastseg.reporting.experiments import PARAMS, Params, differences, fetch, list_experiments, read_params
from breastseg.reporting.results import ABOUT, ENVIRONMENT, EXPERIMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.reporting.results import About

# what is kept of each experiment
KEPT = (PARAMS, "dvc.lock", "metrics/per_image.csv", "metrics/reliability.csv", "metrics/compute.json")


@dataclass(frozen=True)
class Experiment:
    """One experiment of a cross-validation.

    Attributes:
        name: Its name in DVC.
        rev: Its git commit.
        fold: The fold that it tested on.
    """

    name: str
    rev: str
    fold: int


def gather(names: Sequence[str], out: Path, about: About, root: Path) -> list[Experiment]:
    """Join the per-image tables of experiments that differ in `split.fold` only, and compare out of fold.

    Args:
        names: Experiments of the current commit; all of them without any name.
        out: A new folder for both tables, `statistics.json`, `evaluate.json`, `compute.json` and `params.yaml` of the
            first fold, `experiments.json`, and in `folds/` what each experiment had. In `docs/results/` it is a part
            of the results page.
        about: What to say about it there.
        root: The repository.

    Returns:
        The experiments, by fold.

    Raises:
        ProblemsError: Folds are missing or twice there, experiments differ in other params, or a case was tested other
            than once. Nothing is written then.
    """
    if out.exists():
        raise BreastsegError(f"{out} exists. Choose another folder, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        partial = Path(scratch) / "gathered"
        experiments = sorted(_fetch(names, partial / "folds", root), key=lambda experiment: experiment.fold)
        params = {e.fold: read_params(partial / "folds" / str(e.fold)) for e in experiments}
        _check_folds(experiments, params)
        _write_comparison(partial, params)
        write_json([asdict(experiment) for experiment in experiments], partial / EXPERIMENTS)
        write_json(vars(about), partial / ABOUT)
        write_json(describe_environment(), partial / ENVIRONMENT)
        partial.rename(out)
    return experiments


def _fetch(names: Sequence[str], folder: Path, root: Path) -> list[Experiment]:
    """Copy what is kept of each experiment out of DVC to a folder named by its fold."""
    found = []
    for name, rev in list_experiments(names, root).items():
        fetched = folder / name
        fetch(rev, KEPT, fetched, root)
        fold = int(read_params(fetched)["split"]["fold"])
        found.append(Experiment(name, rev, fold))
        if not (folder / str(fold)).exists():
            fetched.rename(folder / str(fold))
    return found


def _check_folds(experiments: Sequence[Experiment], params: dict[int, Params]) -> None:
    counts = Counter(experiment.fold for experiment in experiments)
    first = params[experiments[0].fold]
    problems = [
        Problem(f"split.fold={fold}", f"was run {counts[fold]} times", _mend(counts[fold], fold))
        for fold in range(first["split"]["folds"])
        if counts[fold] != 1
    ]
    for experiment in experiments[1:]:
        problems += [
            Problem(experiment.name, f"differs from {experiments[0].name} in {key}", "Name the experiments to gather")
            for key in differences(first, params[experiment.fold], "split.fold")
        ]
    if problems:
        raise ProblemsError("No cross-validation", problems)


def _mend(count: int, fold: int) -> str:
    return f"Run dvc exp run -S split.fold={fold}" if count == 0 else "Name the experiments to gather, one of each fold"


def _write_comparison(folder: Path, params: dict[int, Params]) -> None:
    parts = [folder / "folds" / str(fold) for fold in params]
    rows = [row for part in parts for row in read_rows(part / "per_image.csv") if row.subset == "test"]
    _check_once(rows)
    write_rows(rows, folder / "per_image.csv")
    write_bins((bin_ for part in parts for bin_ in read_bins(part / "reliability.csv")), folder / "reliability.csv")
    for file in (PARAMS, "compute.json"):
        shutil.copyfile(parts[0] / file, folder / file)
    evaluate = Evaluate.model_validate(params[min(params)]["evaluate"])
    statistics = compute_statistics(
        read_rows(folder / "per_image.csv"), read_bins(folder / "reliability.csv"), evaluate
    )
    write_statistics(statistics, folder / "statistics.json")
    write_json(headline(statistics), folder / "evaluate.json")


def _check_once(rows: Sequence[Row]) -> None:
    counts = Counter((row.network, row.case_id) for row in rows)
    if repeated := sorted({case_id for (_, case_id), count in counts.items() if count != 1}):
        mend = "The experiments had different images or splits: run all folds again"
        raise ProblemsError("Folds overlap", [Problem(case, "was tested more than once", mend) for case in repeated])
