"""What a judged folder says about a model, for programs and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.evaluation.statistics import Statistic, over_all_cases
from breastseg.evaluation.summary import HEADLINES, few_groups_note, format_groups, format_mean, lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Mean = dict[str, float | int | None]

# part → name in metrics.json → column of the per-image table
_METRICS = {
    "lesion": {"dice": "dice", "iou": "iou", "nsd2": "nsd2", "hd95_px": "hd95_px", "missed": "missed"},
    "normal": {"false_positive_rate": "false_positive"},
}
_NO_CASE: Mean = {"mean": None, "n": 0, "groups": 0, "ci_low": None, "ci_high": None}


def headline_metrics(statistics: Sequence[Statistic]) -> dict[str, dict[str, Mean]]:
    """Pick the numbers of `metrics.json`: part (`lesion`, `normal`) → metric → mean, n, groups, ci_low, ci_high.

    A part without cases has n = 0 and nothing else; cases of one group, which are one observation, have no interval.
    """
    found = _by_metric(statistics)
    return {
        part: {name: _mean(found.get(column)) for name, column in columns.items()} for part, columns in _METRICS.items()
    }


def _mean(row: Statistic | None) -> Mean:
    if row is None:
        return _NO_CASE
    low, high = (row.ci_low, row.ci_high) if row.groups > 1 else (None, None)
    return {"mean": row.mean, "n": row.n, "groups": row.groups, "ci_low": low, "ci_high": high}


def format_table(statistics: Sequence[Statistic]) -> str:
    """Lay the means out for a terminal, one row per metric, "-" where no case tells."""
    found = _by_metric(statistics)
    rows = [
        [heading, format_groups(found.get(metric)), format_mean(found.get(metric), decimals)]
        for metric, heading, decimals in HEADLINES
    ]
    shown = [found[metric] for metric, _, _ in HEADLINES if metric in found]
    note = [few_groups_note(shown)] if few_groups_note(shown) else []
    return "\n".join([*lay_out([["", "groups", "mean [95 % interval]"], *rows]), *note])


def _by_metric(statistics: Sequence[Statistic]) -> Mapping[str, Statistic]:
    """A judged folder tells of one network only."""
    return {metric: row for (_, metric), row in over_all_cases(statistics).items()}
