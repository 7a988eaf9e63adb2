"""The comparison as a plain text table, the last thing that a run prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from breastseg.errors import BreastsegError
from breastseg.evaluation.compute_file import HEADINGS, format_cost, read_costs
from breastseg.evaluation.json_file import fault_of
from breastseg.evaluation.report import read_comparison
from breastseg.evaluation.statistics import DIFFERENCE, ENOUGH_GROUPS, NETWORKS, Statistic, over_all_cases
from breastseg.inference.contract import INTENDED_USE
from breastseg.inference.gate import GateResult, describe_gate
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

ONE_TRAINING = "One training per network: no claim about networks, which takes several seeds (docs/metrics.md)."
# Metric, heading, decimals: what people look at first
HEADLINES = (
    ("dice", "Dice", 3),
    ("iou", "IoU", 3),
    ("nsd2", "NSD at 2 px", 3),
    ("hd95_px", "HD95 px", 1),
    ("missed", "missed", 3),
    ("false_positive", "normals FPR", 3),
)


def comparison_table(statistics: Path, compute: Path) -> str:
    """Lay the comparison of both networks on the test cases out for a terminal.

    Args:
        statistics: The file `metrics/statistics.json`.
        compute: The file `metrics/compute.json`.

    Returns:
        One row per metric: the number of groups, each network and their difference, means with 95 % intervals; "-"
        where no case tells. Rows for what each network costs come last.

    Raises:
        BreastsegError: A file is missing or does not hold, or the statistics are not of two networks.
    """
    found = over_all_cases(read_comparison(statistics))
    networks = (*NETWORKS, DIFFERENCE)
    rows = [
        [
            heading,
            format_groups(found.get((NETWORKS[0], metric))),
            *(format_mean(found.get((network, metric)), decimals) for network in networks),
        ]
        for metric, heading, decimals in HEADLINES
    ]
    return "\n".join([*lay_out([["", "groups", *networks], *rows, *_cost_rows(compute)]), "", *_notes(found)])


def _cost_rows(compute: Path) -> list[list[str]]:
    costs = read_costs(compute)
    cells = zip(*(format_cost(costs[network]) for network in NETWORKS), strict=True)
    return [[heading, "", *row, ""] for (_, heading, _), row in zip(HEADINGS, cells, strict=True)]


class _Release(BaseModel):
    """What of the export's report is shown."""

    network: str
    model_version: str
    gate: GateResult | None = None


def release_note(path: Path) -> str:
    """Say in one line which model was exported last, and how it did at its quality gate.

    Args:
        path: The file `metrics/release.json`; it is absent where nothing is exported.

    Raises:
        BreastsegError: The file cannot be read, or is not the report of an export.
    """
    try:
        found = _Release.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return "No model is exported: `dvc repro export_onnx` does so."
    except (OSError, ValidationError) as error:
        message = f"{path} is not the report of an export ({fault_of(error)}). Run `dvc repro export_onnx`"
        raise BreastsegError(message) from error
    return f"Exported: {found.network}, version {found.model_version}. Quality gate: {describe_gate(found.gate)}."


def format_mean(row: Statistic | None, decimals: int) -> str:
    """Write a mean with its interval, a difference with its sign; "-" where there is none.

    Images of one group are one observation, which has no interval. Intervals of few groups have a star.
    """
    if row is None:
        return "-"
    form = f"{'+' if row.network == DIFFERENCE else ''}.{decimals}f"
    if row.groups == 1:
        return f"{row.mean:{form}} [one group: no interval]"
    return f"{row.mean:{form}} [{row.ci_low:{form}}, {row.ci_high:{form}}]{'*' if row.few_groups else ''}"


def format_groups(row: Statistic | None) -> str:
    """Write the number of groups that an interval is computed from; "-" where there is none."""
    return "-" if row is None else str(row.groups)


def few_groups_note(statistics: Iterable[Statistic]) -> str:
    """Say what the star of an interval means, "" where none has one."""
    if not any(row.few_groups for row in statistics):
        return ""
    return f"* Fewer than {ENOUGH_GROUPS} groups: the interval may be too narrow."


def format_p_value(p_value: float | None) -> str:
    """Write a p-value; "-" where there is none."""
    return "-" if p_value is None else f"{p_value:.3g}"


def lay_out(rows: Sequence[Sequence[str]]) -> list[str]:
    """Pad the cells of each column to one width, a line a row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _notes(found: Mapping[tuple[str, str], Statistic]) -> list[str]:
    dice = found[DIFFERENCE, "dice"]
    normals = found.get((DIFFERENCE, "false_positive"))
    first, second = NETWORKS
    cases = f"{counted(dice.n, 'lesion image')}, {counted(normals.n if normals else 0, 'normal')}"
    p, p_holm, p_ranks = map(format_p_value, (dice.p_value, dice.p_holm, dice.p_signed_rank))
    shown = [row for (_, metric), row in found.items() if metric in {name for name, _, _ in HEADLINES}]
    return [
        f"Test set: {cases}. Means with 95 % intervals (bootstrap over groups).",
        *filter(None, [few_groups_note(shown)]),
        f"Difference is {second} - {first}. Its mean Dice: p = {p} (sign flips), Holm: {p_holm}.",
        f"Wilcoxon's signed-rank test, which compares ranks and not the mean: p = {p_ranks}.",
        ONE_TRAINING,
        "missed: share of lesion images without any prediction; normals FPR: share of normals with one.",
        "MACs: multiply-accumulates of one image at the training size.",
        INTENDED_USE,
    ]
