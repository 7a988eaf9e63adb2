"""Writes docs/results.md out of the folders in docs/results/: no figure in it comes from anywhere else."""

from __future__ import annotations

import csv
import json
from statistics import mean
from typing import TYPE_CHECKING, Any

from breastseg.evaluation.compute_file import HEADINGS, NetworkCost, format_cost, read_costs
from breastseg.evaluation.report import read_statistics
from breastseg.evaluation.seeds import format_spreads, read_spreads
from breastseg.evaluation.statistics import ALL, DIFFERENCE, NETWORKS, Statistic
from breastseg.evaluation.summary import HEADLINES, format_mean
from breastseg.params.yaml_text import parse_yaml
from breastseg.reporting.results import ABOUT, ELSEWHERE, ENVIRONMENT, EXPERIMENTS, FILES, SEEDS, About

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

# what is shown of the validation cases
_CHOSEN_BY = ("dice", "missed", "false_positive")

_HEAD = """# Results

Generated from the folders in `results/` by `breastseg results page`: do not edit. Each folder holds the run's params,
lock, per-image table, statistics, curves and environment. Scores are defined in [metrics.md](metrics.md): means over
the held-out test images at native size with 95 % bootstrap intervals over groups; the difference is `vit_unet` minus
`cnn_unet`, paired. Research use only.
"""


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
    params = parse_yaml((run / "params.yaml").read_text(encoding="utf-8"))
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
            *_render_validation(run),
            *_render_elsewhere(run),
            *_render_spreads(run),
            _render_protocol(params, environment, _render_tested(run, params)),
            "",
            f"Files: [results/{run.name}](results/{run.name})",
            "",
        ]
    )


def _render_validation(run: Path) -> list[str]:
    """What choices between runs are made on; gathered experiments have none, since a case is validated many times."""
    # not as `Row`s: a table keeps the columns of its time
    with (run / FILES["metrics/per_image.csv"]).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["subset"] == "val"]
    parts = [f"{_validation([row for row in rows if row['network'] == network])} (`{network}`)" for network in NETWORKS]
    return [f"On the validation cases: {'; '.join(parts)}.", ""] if rows else []


def _validation(rows: Sequence[Mapping[str, str]]) -> str:
    told = {metric: [float(row[metric]) for row in rows if row.get(metric)] for metric in _CHOSEN_BY}
    means = [f"{heading} {mean(told[metric]):.{places}f}" for metric, heading, places in HEADLINES if told.get(metric)]
    return ", ".join(means)


def _render_elsewhere(run: Path) -> list[str]:
    """What `breastseg evaluate` said about the exported model on images of other origin."""
    checks = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((run / ELSEWHERE).glob("*.json"))]
    lines = [
        f"- {', '.join(check['data']['datasets'])}, `{check['model']['name']}`: {_elsewhere(check)}" for check in checks
    ]
    return ["Its exported model on images of other origin:", "", *lines, ""] if lines else []


def _elsewhere(check: dict[str, Any]) -> str:
    lesion, false_positive = check["lesion"], check["normal"]["false_positive_rate"]
    columns = (("Dice", lesion["dice"]), ("missed", lesion["missed"]), ("normals FPR", false_positive))
    told = [(name, found) for name, found in columns if found["n"]]
    return "; ".join(
        f"{name} {found['mean']:.3f} [{found['ci_low']:.3f}, {found['ci_high']:.3f}] (n = {found['n']})"
        for name, found in told
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
