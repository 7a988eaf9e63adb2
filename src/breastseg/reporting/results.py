"""Every figure in docs/results.md comes out of a folder in docs/results/, so that each can be traced to its run."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from breastseg.errors import Problem, ProblemsError
from breastseg.evaluation.compute_file import HEADINGS, NetworkCost, format_cost, read_costs
from breastseg.evaluation.json_file import write_json
from breastseg.evaluation.report import read_statistics
from breastseg.evaluation.seeds import format_spreads, read_spreads
from breastseg.evaluation.statistics import ALL, DIFFERENCE, NETWORKS, Statistic
from breastseg.evaluation.summary import HEADLINES, format_mean
from breastseg.reporting.environment import describe_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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
    "plots/split_counts.csv": "split_counts.csv",
}
CURVES = {f"plots/{network}": f"curves/{network}" for network in NETWORKS}
ABOUT, ENVIRONMENT = "about.json", "environment.json"
# in the folder of gathered experiments only, the second where they have several seeds
EXPERIMENTS, SEEDS = "experiments.json", "seeds.json"

_HEAD = """# Results

Generated from the folders in `results/` by `breastseg results page`: do not edit. Each folder holds the run's params,
lock, per-image table, statistics, curves and environment. Scores are defined in [metrics.md](metrics.md): means over
the held-out test images at native size with 95 % bootstrap intervals over groups; the difference is `vit_unet` minus
`cnn_unet`, paired. Research use only.
"""


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
        Problem(path, "is missing", "Run `dvc repro`") for path in (*FILES, *CURVES) if not (root / path).exists()
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
    write_json(vars(about), partial / ABOUT)
    write_json(describe_environment(), partial / ENVIRONMENT)
    return partial.rename(target)


def _stale_params(root: Path) -> list[Problem]:
    """Name the stages that did not run with the params that stand in the workspace."""
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    stages = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    ran_with = {name: stage.get("params", {}).get("params.yaml", {}) for name, stage in stages.items()}
    return [
        Problem(f"stage {name}", "ran with other params than those of params.yaml", "Run `dvc repro`")
        for name, sections in ran_with.items()
        if any(params.get(section) != value for section, value in sections.items())
    ]


def render_page(folder: Path) -> str:
    """Return the text of docs/results.md.

    Args:
        folder: `docs/results`.

    Raises:
        BreastsegError: A run's statistics are missing or do not hold.
    """
    runs = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return "\n".join([_HEAD, *(_render_run(run) for run in runs)])


def _render_run(run: Path) -> str:
    about = About(**json.loads((run / ABOUT).read_text(encoding="utf-8")))
    params = yaml.safe_load((run / "params.yaml").read_text(encoding="utf-8"))
    statistics = [row for row in read_statistics(run / "statistics.json") if row.stratum == ALL]
    environment = json.loads((run / ENVIRONMENT).read_text(encoding="utf-8"))
    return "\n".join(
        [
            f"## {about.title}",
            "",
            f"{about.data}. {about.note}",
            "",
            _render_scores(statistics, params, _read_costs(run)),
            "",
            *_render_spreads(run),
            _render_protocol(params, environment, _render_tested(run, params)),
            "",
            f"Files: [results/{run.name}](results/{run.name})",
            "",
        ]
    )


def _read_costs(run: Path) -> dict[str, NetworkCost]:
    """What the networks cost; nothing for runs that were saved before that was measured."""
    path = run / FILES["metrics/compute.json"]
    return read_costs(path) if path.exists() else {}


def _render_scores(statistics: Sequence[Statistic], params: dict[str, Any], costs: dict[str, NetworkCost]) -> str:
    found = {(row.network, row.metric): row for row in statistics}
    columns = [column for column in HEADLINES if (NETWORKS[0], column[0]) in found]
    heads = [f"{heading} (n = {found[NETWORKS[0], metric].n})" for metric, heading, _ in columns]
    heads += [heading for _, heading, _ in HEADINGS if costs]
    names = {network: f"`{network}` ({params[network]['encoder']})" for network in NETWORKS}
    lines = [_line(["", *heads]), _line(["---"] * (len(heads) + 1))]
    for network in (*NETWORKS, DIFFERENCE):
        cells = [format_mean(found[network, metric], decimals) for metric, _, decimals in columns]
        cells += _cost_cells(network, costs) if costs else []
        lines.append(_line([names.get(network, DIFFERENCE), *cells]))
    p_value = found[DIFFERENCE, "dice"].p_value
    return "\n".join([*lines, "", f"Wilcoxon signed-rank test of the Dice difference, over groups: p = {p_value:.3g}."])


def _cost_cells(network: str, costs: dict[str, NetworkCost]) -> list[str]:
    return format_cost(costs[network]) if network in costs else [""] * len(HEADINGS)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _render_spreads(run: Path) -> list[str]:
    return [format_spreads(read_spreads(run / SEEDS)), ""] if (run / SEEDS).exists() else []


def _render_tested(run: Path, params: dict[str, Any]) -> str:
    """Which seeds and folds a run is made of: of its own params, or of the experiments that were joined."""
    split, path = params["split"], run / EXPERIMENTS
    joined = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    seeds = sorted({e["seed"] for e in joined}) or [params["seed"]]
    folds = sorted({e["fold"] for e in joined}) or [split["fold"]]
    tested = f"all {split['folds']} folds" if len(folds) > 1 else f"fold {folds[0]} of {split['folds']}"
    return f"seed {', '.join(map(str, seeds))}, {tested}"


def _render_protocol(params: dict[str, Any], environment: dict[str, str], tested: str) -> str:
    train = params["train"]
    weights = ", ".join(f"{network}: {params[network]['encoder_weights'] or 'none'}" for network in NETWORKS)
    return (
        f"{train['image_size']} px, {train['epochs']} epochs, batch {train['batch_size']}, "
        f"{tested}; encoder weights: {weights}. "
        f"{environment['processor']}, accelerator: {environment['accelerator']}, torch {environment['torch']}."
    )
