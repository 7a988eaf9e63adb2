"""Writes docs/results.md out of the folders in docs/results/: no figure in it comes from anywhere else."""

from __future__ import annotations

import csv
import json
from statistics import mean
from typing import TYPE_CHECKING, Any

from breastseg.errors import BreastsegError
from breastseg.evaluation.comparison import FAMILY
from breastseg.evaluation.compute_file import HEADINGS, NetworkCost, format_cost, read_costs
from breastseg.evaluation.report import read_statistics
from breastseg.evaluation.seeds import format_spreads, read_spreads
from breastseg.evaluation.statistics import ALL, DIFFERENCE, ENOUGH_GROUPS, NETWORKS, Statistic
from breastseg.evaluation.summary import HEADLINES, format_mean
from breastseg.params.yaml_text import parse_yaml
from breastseg.reporting.elsewhere import read_checks
from breastseg.reporting.fold_lines import fold_lines
from breastseg.reporting.markdown import markdown_table
from breastseg.reporting.results import ABOUT, ENVIRONMENT, EXPERIMENTS, FILES, SEEDS, About
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_ONE_SEED = "One seed: no claim about networks, which takes several (see [metrics.md](metrics.md))."
# what is shown of the validation cases
_CHOSEN_BY = ("dice", "missed", "false_positive")
# Metric, heading, decimals: single lesions, and whether the network knows what it does not know
_FURTHER = (
    ("sensitivity_iou10", "sensitivity, IoU 0.1", 3),
    ("sensitivity_iou50", "sensitivity, IoU 0.5", 3),
    ("ppv_iou10", "PPV, IoU 0.1", 3),
    ("ppv_iou50", "PPV, IoU 0.5", 3),
    ("fp_per_image_iou10", "FP an image, IoU 0.1", 3),
    ("fp_per_image_iou50", "FP an image, IoU 0.5", 3),
    ("ece", "ECE in the band", 3),
    ("aurc", "AURC", 3),
)

_HEAD = f"""# Results

Generated from the folders in `results/` by `breastseg results page`: do not edit. Each folder holds the run's params,
lock, per-image table, statistics, curves and environment; where several were joined, `experiments/` holds those of
each, and the environment is that of the joining. Scores are defined in [metrics.md](metrics.md): means over
the held-out test images at native size with 95 % bootstrap intervals over groups; a star marks those of fewer than
{ENOUGH_GROUPS} groups, which may be too narrow. The difference is `vit_unet` minus
`cnn_unet`, paired. The second table is about single lesions (sensitivity, positive predictive value and false
positives an image, at two overlaps), the calibration error near outlines (ECE) and the area under the risk-coverage
curve (AURC); "-" stands where a run's files do not tell.

The named comparisons are one family: {", ".join(f"`{metric}`" for metric in FAMILY)},
as many of them as a run has, over its whole test set. Their p-values are those of the means, after Holm's correction.
Earlier runs have p-values of Wilcoxon's signed-rank test, which is about ranks and not about the means beside it; they
are called so. Their intervals were computed again from their tables, but for the first run at 224 px, which has no
reliability table and keeps its percentiles. Where p-value and interval disagree, the interval decides.

The scores of the default run, on simulated images, are in `metrics/` and on the [model card](model_card.md).

Scores on validation cases are optimistic: epoch and operating point were chosen on those cases.

Research use only.
"""


def render_page(folder: Path) -> str:
    """Return the text of docs/results.md.

    Args:
        folder: `docs/results`.

    Raises:
        BreastsegError: There is no such folder, or a run's statistics are missing or do not hold.
    """
    if not folder.is_dir():
        raise BreastsegError(f"{folder} is no folder. Save a run first: breastseg results save")
    runs = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    # what tests most images comes first
    runs.sort(key=lambda run: (not (run / EXPERIMENTS).exists(), run.name))
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
            *_render_about(about),
            _render_scores(statistics, params, _read_costs(run)),
            "",
            _render_further(statistics),
            "",
            _render_p_values(statistics),
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


def _render_about(about: About) -> list[str]:
    told = [f"{about.data.removesuffix('.')}." if about.data else "", about.note]
    return [" ".join(filter(None, told)), ""] if any(told) else []


def _render_validation(run: Path) -> list[str]:
    """What choices between runs are made on; for gathered experiments each for itself, since cases come again."""
    if (run / EXPERIMENTS).exists():
        lines = fold_lines(run / "experiments", json.loads((run / EXPERIMENTS).read_text(encoding="utf-8")))
        return ["Each fold's operating points, its validation cases and its test cases:", "", markdown_table(lines), ""]
    # not as `Row`s: a table keeps the columns of its time
    with (run / FILES["metrics/per_image.csv"]).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["subset"] == "val"]
    parts = [f"{_validation([row for row in rows if row['network'] == network])} (`{network}`)" for network in NETWORKS]
    images, groups = (len({row[column] for row in rows}) for column in ("case_id", "group"))
    size = f"{counted(images, 'image')}, {counted(groups, 'group')}"
    return [f"On the validation cases ({size}): {'; '.join(parts)}.", ""] if rows else []


def _validation(rows: Sequence[Mapping[str, str]]) -> str:
    told = {metric: [float(row[metric]) for row in rows if row.get(metric)] for metric in _CHOSEN_BY}
    means = [f"{heading} {mean(told[metric]):.{places}f}" for metric, heading, places in HEADLINES if told.get(metric)]
    return ", ".join(means)


def _render_elsewhere(run: Path) -> list[str]:
    """What `breastseg evaluate` said about the exported model on images of other origin."""
    lines = [
        f"- {_of_what(check['data'])}, `{check['model']['name']}`: {_elsewhere(check)}" for check in read_checks(run)
    ]
    return ["Its exported model on images of other origin:", "", *lines, ""] if lines else []


def _of_what(data: dict[str, Any]) -> str:
    counts = [counted(data[key], noun) for key, noun in (("images", "image"), ("groups", "group")) if key in data]
    return ", ".join(data["datasets"]) + (f" ({', '.join(counts)})" if counts else "")


def _elsewhere(check: dict[str, Any]) -> str:
    lesion, false_positive = check["lesion"], check["normal"]["false_positive_rate"]
    columns = (("Dice", lesion["dice"]), ("missed", lesion["missed"]), ("normals FPR", false_positive))
    told = [(name, found) for name, found in columns if found["n"]]
    star = "*" if check["data"].get("groups", ENOUGH_GROUPS) < ENOUGH_GROUPS else ""
    return "; ".join(f"{name} {found['mean']:.3f}{_interval(found, star)} (n = {found['n']})" for name, found in told)


def _interval(found: dict[str, Any], star: str) -> str:
    """Nothing for images of one group: they are one observation. Earlier files have an interval without width there."""
    return (
        "" if found["ci_low"] in {None, found["ci_high"]} else f" [{found['ci_low']:.3f}, {found['ci_high']:.3f}]{star}"
    )


def _read_costs(run: Path) -> dict[str, NetworkCost]:
    """What the networks cost; nothing for runs that were saved before that was measured."""
    path = run / FILES["metrics/compute.json"]
    return read_costs(path) if path.exists() else {}


def _render_scores(statistics: Sequence[Statistic], params: dict[str, Any], costs: dict[str, NetworkCost]) -> str:
    told = {row.metric for row in statistics}
    columns = [column for column in HEADLINES if column[0] in told]
    names = {network: f"`{network}` ({params[network]['encoder']})" for network in NETWORKS}
    heads, lines = _cells(statistics, columns)
    heads += [heading for _, heading, _ in HEADINGS if costs]
    rows = [
        [names.get(network, network), *cells, *(_cost_cells(network, costs) if costs else [])]
        for network, cells in lines.items()
    ]
    return markdown_table([["", *heads], *rows])


def _render_further(statistics: Sequence[Statistic]) -> str:
    heads, lines = _cells(statistics, _FURTHER)
    names = {network: f"`{network}`" for network in NETWORKS}
    return markdown_table([["", *heads], *([names.get(network, network), *cells] for network, cells in lines.items())])


def _cells(
    statistics: Sequence[Statistic], columns: Sequence[tuple[str, str, int]]
) -> tuple[list[str], dict[str, list[str]]]:
    """Headings with their number of cases, and what each network and the difference has under them."""
    found = {(row.network, row.metric): row for row in statistics}
    sizes = {row.metric: f" (n = {row.n}, {counted(row.groups, 'group')})" for row in statistics}
    heads = [heading + sizes.get(metric, "") for metric, heading, _ in columns]
    lines = {
        network: [format_mean(found.get((network, metric)), decimals) for metric, _, decimals in columns]
        for network in (*NETWORKS, DIFFERENCE)
    }
    return heads, lines


def _render_p_values(statistics: Sequence[Statistic]) -> str:
    named = {row.metric: row for row in statistics if row.network == DIFFERENCE}
    rows = [named[metric] for metric in FAMILY if metric in named]
    if all(row.p_holm is not None for row in rows):
        return (
            f"p of the named comparisons, after Holm's correction: {_listed((row.metric, row.p_holm) for row in rows)}."
        )
    before = _listed((row.metric, row.p_value if row.p_signed_rank is None else row.p_signed_rank) for row in rows)
    return f"p of the named comparisons, uncorrected, of the signed-rank test or, of yes or no, of McNemar's: {before}."


def _listed(values: Iterable[tuple[str, float | None]]) -> str:
    return ", ".join(f"`{metric}` {value:.3g}" for metric, value in values if value is not None)


def _cost_cells(network: str, costs: dict[str, NetworkCost]) -> list[str]:
    return format_cost(costs[network]) if network in costs else [""] * len(HEADINGS)


def _render_spreads(run: Path) -> list[str]:
    return [format_spreads(read_spreads(run / SEEDS)) if (run / SEEDS).exists() else _ONE_SEED, ""]


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
