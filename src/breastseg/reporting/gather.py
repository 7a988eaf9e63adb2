"""Joins experiments of other folds and other seeds, so that every image is judged by networks that never saw it."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.evaluation.comparison import compute_statistics
from breastseg.evaluation.json_file import write_json
from breastseg.evaluation.per_image import Row, read_rows, write_rows
from breastseg.evaluation.reliability import read_bins, write_bins
from breastseg.evaluation.report import headline, write_statistics
from breastseg.evaluation.seeds import SeedSpread, seed_spreads, write_spreads
from breastseg.params.evaluate import Evaluate
from breastseg.reporting.environment import describe_environment
from breastseg.reporting.experiments import (
    PARAMS,
    Params,
    differences,
    fetch,
    list_experiments,
    read_inputs,
    read_params,
)
from breastseg.reporting.results import (
    ABOUT,
    CURVES,
    ENVIRONMENT,
    EXPERIMENTS,
    FILES,
    FOLLOWING,
    SEEDS,
    WEIGHTS,
    write_trainings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.reporting.results import About

# what is kept of each experiment: all that a saved run keeps but what follows from its tables
KEPT = {source: name for source, name in (FILES | CURVES).items() if name not in FOLLOWING}
FOLD, SEED = "split.fold", "seed"


@dataclass(frozen=True)
class Experiment:
    """One experiment among those that are joined.

    Attributes:
        name: Its name in DVC.
        rev: Its git commit.
        fold: The fold that it tested on.
        seed: The seed of its trainings.
    """

    name: str
    rev: str
    fold: int
    seed: int


@dataclass(frozen=True)
class Gathered:
    """What was joined.

    Attributes:
        experiments: By fold and seed.
        spreads: How far the seeds lie apart; empty for one seed.
    """

    experiments: Sequence[Experiment]
    spreads: Sequence[SeedSpread]


def gather(names: Sequence[str], out: Path, about: About, root: Path) -> Gathered:
    """Join the per-image tables of experiments that differ in `split.fold` and `seed` only, and compare both networks.

    Either all folds are there, a cross-validation, or one fold with several seeds; and every fold with every seed.

    Args:
        names: Experiments of the current commit; all of them without any name.
        out: A new folder for both tables, `statistics.json`, `evaluate.json`, `compute.json` and `params.yaml` of the
            first experiment, `experiments.json`, `seeds.json` where there are several, and in `experiments/` what each
            experiment had. In `docs/results/` it is a part of the results page.
        about: What to say about it there.
        root: The repository.

    Raises:
        ProblemsError: Experiments are missing or twice there, not whole, differ in other params, in code or in raw
            data, or a case was tested other than once a seed. Nothing is written then.
        BreastsegError: The folder exists.
    """
    if out.exists():
        raise BreastsegError(f"{out} exists. Choose another folder, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        partial = Path(scratch) / "gathered"
        experiments = sorted(_fetch(names, partial / "experiments", root), key=lambda e: (e.fold, e.seed, e.name))
        _check(experiments, {e.name: read_params(partial / "experiments" / e.name) for e in experiments})
        _check_inputs({e.name: read_inputs(partial / "experiments" / e.name) for e in experiments})
        spreads = _write_comparison(partial, experiments)
        write_json([asdict(experiment) for experiment in experiments], partial / EXPERIMENTS)
        write_json(vars(about), partial / ABOUT)
        write_json(describe_environment(), partial / ENVIRONMENT)
        partial.rename(out)
    return Gathered(experiments, spreads)


def _fetch(names: Sequence[str], folder: Path, root: Path) -> list[Experiment]:
    """Copy what is kept of each experiment out of DVC to a folder of its name."""
    found = []
    for name, rev in list_experiments(names, root).items():
        fetch(rev, KEPT, folder / name, root)
        _keep_trainings(rev, folder / name, root)
        params = read_params(folder / name)
        found.append(Experiment(name, rev, int(params["split"]["fold"]), int(params["seed"])))
    return found


def _keep_trainings(rev: str, folder: Path, root: Path) -> None:
    """Tell the weights by their hashes; they themselves are too large to keep twice."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        weights = Path(scratch) / folder.name
        fetch(rev, {path: network for network, path in WEIGHTS.items()}, weights, root)
        write_trainings({network: weights / network for network in WEIGHTS}, folder)


def _check(experiments: Sequence[Experiment], params: dict[str, Params]) -> None:
    first = experiments[0]
    folds, seeds = {e.fold for e in experiments}, {e.seed for e in experiments}
    if len(folds) > 1 or len(seeds) == 1:
        folds = set(range(params[first.name]["split"]["folds"]))
    counts = Counter((e.fold, e.seed) for e in experiments)
    problems = [
        Problem(f"{FOLD}={fold}, {SEED}={seed}", f"was run {counts[fold, seed]} times", _mend(fold, seed, counts))
        for fold, seed in product(sorted(folds), sorted(seeds))
        if counts[fold, seed] != 1
    ]
    problems += [
        Problem(other.name, f"differs from {first.name} in {key}", "Name the experiments to gather")
        for other in experiments[1:]
        for key in differences(params[first.name], params[other.name], {FOLD, SEED})
    ]
    if problems:
        raise ProblemsError("These experiments cannot be joined", problems)


def _check_inputs(inputs: dict[str, dict[tuple[str, str], str]]) -> None:
    """Refuse experiments that other code or other raw images made: their difference would look like that of folds."""
    (first, expected), *others = inputs.items()
    problems = [
        Problem(name, f"differs from {first} in {path}, which stage {stage} read", "Run both on the same code and data")
        for name, found in others
        for stage, path in sorted({*expected, *found})
        if found.get((stage, path)) != expected.get((stage, path))
    ]
    if problems:
        raise ProblemsError("These experiments were made by different code or of different data", problems)


def _mend(fold: int, seed: int, counts: Counter[tuple[int, int]]) -> str:
    missing = f"Run dvc exp run -S {FOLD}={fold} -S {SEED}={seed}"
    return "Name the experiments to gather, one of each" if counts[fold, seed] else missing


def _write_comparison(folder: Path, experiments: Sequence[Experiment]) -> list[SeedSpread]:
    parts = {e: folder / "experiments" / e.name for e in experiments}
    judged: dict[int, list[Row]] = {}
    for e, part in parts.items():
        judged.setdefault(e.seed, []).extend(read_rows(part / "per_image.csv"))
    by_seed = {seed: [row for row in rows if row.subset == "test"] for seed, rows in judged.items()}
    for rows in by_seed.values():
        _check_once(rows)
    if len({e.fold for e in experiments}) > 1:
        _check_all(judged, by_seed)
    write_rows((row for rows in by_seed.values() for row in rows), folder / "per_image.csv")
    bins = (bin_ for part in parts.values() for bin_ in read_bins(part / "reliability.csv"))
    write_bins(bins, folder / "reliability.csv")
    for file in (PARAMS, "compute.json"):
        shutil.copyfile(parts[experiments[0]] / file, folder / file)
    _write_statistics(folder)
    spreads = seed_spreads(by_seed) if len(by_seed) > 1 else []
    if spreads:
        write_spreads(spreads, folder / SEEDS)
    return spreads


def _write_statistics(folder: Path) -> None:
    evaluate = Evaluate.model_validate(read_params(folder)["evaluate"])
    rows, bins = read_rows(folder / "per_image.csv"), read_bins(folder / "reliability.csv")
    statistics = compute_statistics(rows, bins, evaluate)
    write_statistics(statistics, folder / "statistics.json")
    write_json(headline(statistics), folder / "evaluate.json")


def _check_once(rows: Sequence[Row]) -> None:
    counts = Counter((row.network, row.case_id) for row in rows)
    if repeated := sorted({case_id for (_, case_id), count in counts.items() if count != 1}):
        mend = "The experiments had different images or splits, or split.held_out_sets: run all folds again without"
        raise ProblemsError("Folds overlap", [Problem(case, "was tested more than once", mend) for case in repeated])


def _check_all(judged: dict[int, list[Row]], tested: dict[int, list[Row]]) -> None:
    """Refuse folds that leave cases out: all folds together test every case that any of them validates on."""
    known = {row.case_id for rows in judged.values() for row in rows}
    mend = "The experiments had different images or splits: run all folds again"
    problems = [
        Problem(case_id, f"stands in a table, but no fold of seed {seed} tested it", mend)
        for seed, rows in tested.items()
        for case_id in sorted(known - {row.case_id for row in rows})
    ]
    if problems:
        raise ProblemsError("Folds leave cases out", problems)
