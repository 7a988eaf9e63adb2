"""How each of several joined experiments did by itself: a mean over folds hides a fold that went wrong."""

from __future__ import annotations

import csv
import json
from statistics import mean
from typing import TYPE_CHECKING

from breastseg.evaluation.statistics import NETWORKS
from breastseg.evaluation.summary import HEADLINES
from breastseg.reporting.results import FILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


_SHOWN = ("dice", "missed", "false_positive")
_SUBSETS = {"val": "validation", "test": "test"}
_COLUMNS = [(metric, heading, places) for metric, heading, places in HEADLINES if metric in _SHOWN]


def fold_lines(folder: Path, experiments: Sequence[Mapping[str, object]]) -> list[list[str]]:
    """Lay out each experiment's operating points and means, a line a network.

    Args:
        folder: Holds a folder for each experiment, named after it.
        experiments: `name`, `fold` and `seed` of each.

    Returns:
        The headings, then the lines.
    """
    headings = [f"{subset} {heading}" for subset in _SUBSETS.values() for _, heading, _ in _COLUMNS]
    lines = [
        [
            str(experiment["fold"]),
            str(experiment["seed"]),
            f"`{network}`",
            *_cells(folder / str(experiment["name"]), network),
        ]
        for experiment in experiments
        for network in NETWORKS
    ]
    return [["fold", "seed", "network", "threshold", "smallest lesion", *headings], *lines]


def _cells(folder: Path, network: str) -> list[str]:
    point = json.loads((folder / FILES["models/operating_points.json"]).read_text(encoding="utf-8"))[network]
    # not as `Row`s: a table keeps the columns of its time
    with (folder / FILES["metrics/per_image.csv"]).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["network"] == network]
    means = [
        _mean([row for row in rows if row["subset"] == subset], metric, places)
        for subset in _SUBSETS
        for metric, _, places in _COLUMNS
    ]
    return [f"{point['threshold']:g}", f"{100 * point['min_area_share']:g} %", *means]


def _mean(rows: Sequence[Mapping[str, str]], metric: str, places: int) -> str:
    """Return the mean over those cases that have the metric, `-` where none has."""
    told = [float(row[metric]) for row in rows if row[metric]]
    return f"{mean(told):.{places}f}" if told else "-"
