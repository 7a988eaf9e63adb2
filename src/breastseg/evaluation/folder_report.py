"""From the per-image table of one network to its means with intervals: what a judged folder says about a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.evaluation.bootstrap import confidence_intervals
from breastseg.evaluation.json_file import significant
from breastseg.evaluation.statistics import ALL, LESION_METRICS, NORMAL_METRICS, Statistic
from breastseg.evaluation.summary import HEADLINES, format_mean, lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breastseg.evaluation.per_image import Row

Mean = dict[str, float | int | None]

# part → name in metrics.json → column of the per-image table
_METRICS = {
    "lesion": {"dice": "dice", "iou": "iou", "nsd2": "nsd2", "hd95_px": "hd95_px", "missed": "missed"},
    "normal": {"false_positive_rate": "false_positive"},
}
_NO_CASE: Mean = {"mean": None, "n": 0, "ci_low": None, "ci_high": None}


def describe_network(rows: Sequence[Row], resamples: int, seed: int) -> list[Statistic]:
    """Compute every mean and interval of one network, the records that the comparison has for it.

    Args:
        rows: Rows of the per-image table, of one network and in the order of the case ids.
        resamples: Draws of the bootstrap over groups.
        seed: Seed of the draws.

    Returns:
        Statistics over all cases and, where there are several labels, over the cases of each.
    """
    return [
        statistic
        for stratum, part in _strata(rows).items()
        for metrics, cases in _parts(part)
        for statistic in _describe(stratum, cases, metrics, resamples, seed)
    ]


def _strata(rows: Sequence[Row]) -> dict[str, Sequence[Row]]:
    labels = sorted({row.label for row in rows})
    by_label = {label: [row for row in rows if row.label == label] for label in labels}
    return {ALL: rows, **(by_label if len(labels) > 1 else {})}


def _parts(rows: Sequence[Row]) -> list[tuple[tuple[str, ...], list[Row]]]:
    """Part lesion images from normals, which have metrics of their own; a kind without cases is left out."""
    parts = [
        (LESION_METRICS, [row for row in rows if row.truth_px]),
        (NORMAL_METRICS, [row for row in rows if not row.truth_px]),
    ]
    return [part for part in parts if part[1]]


def _describe(
    stratum: str, rows: Sequence[Row], metrics: tuple[str, ...], resamples: int, seed: int
) -> list[Statistic]:
    values = np.array([[getattr(row, metric) for metric in metrics] for row in rows], dtype=np.float64)
    groups = [row.group for row in rows]
    means = values.mean(axis=0)
    low, high = confidence_intervals(values, groups, resamples, seed)
    return [
        Statistic(
            network=rows[0].network,
            stratum=stratum,
            metric=metric,
            mean=significant(means[i]),
            ci_low=significant(low[i]),
            ci_high=significant(high[i]),
            n=len(rows),
            groups=len(set(groups)),
            p_value=None,
        )
        for i, metric in enumerate(metrics)
    ]


def headline_metrics(statistics: Sequence[Statistic]) -> dict[str, dict[str, Mean]]:
    """Pick the numbers of `metrics.json`: part (`lesion`, `normal`) → metric → mean, n, ci_low, ci_high.

    A part without cases has n = 0 and nothing else.
    """
    found = _over_all(statistics)
    return {
        part: {name: _mean(found.get(column)) for name, column in columns.items()} for part, columns in _METRICS.items()
    }


def _mean(row: Statistic | None) -> Mean:
    if row is None:
        return _NO_CASE
    return {"mean": row.mean, "n": row.n, "ci_low": row.ci_low, "ci_high": row.ci_high}


def format_table(statistics: Sequence[Statistic]) -> str:
    """Lay the means out for a terminal, a row a metric, "-" where no case tells."""
    found = _over_all(statistics)
    rows = [[heading, format_mean(found.get(metric), decimals)] for metric, heading, decimals in HEADLINES]
    return "\n".join(lay_out([["", "mean [95 % interval]"], *rows]))


def _over_all(statistics: Sequence[Statistic]) -> Mapping[str, Statistic]:
    return {row.metric: row for row in statistics if row.stratum == ALL}
