"""How often 95 % intervals cover the figure that they are about, by the number of groups.

Each committed per-image table is taken for the whole population: samples of its groups are drawn, and their
intervals are compared with the figure of the whole table.

Usage: python -m benchmarks.coverage [samples, 1000 by default]
"""

from __future__ import annotations

import logging
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from breastseg.evaluation.bootstrap import Range, draw_weights, estimate
from breastseg.evaluation.estimators import ratio
from breastseg.evaluation.metric_sets import range_of_difference
from breastseg.evaluation.per_image import read_rows
from breastseg.evaluation.statistics import NETWORKS
from breastseg.reporting.markdown import markdown_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breastseg.evaluation.arrays import Floats

_log = logging.getLogger("coverage")

RESULTS = Path("docs/results")
SIZES = (10, 20, 40, 79)
METRICS = ("dice", "nsd2", "hd95_px", "missed", "false_positive")
RESAMPLES = 500


@dataclass(frozen=True)
class Population:
    """One metric of one table.

    Attributes:
        name: Folder of the table.
        metric: The metric.
        of: `one network` or `difference`.
        values: `[cases]`.
        groups: The group of each case.
        range: What the metric can be.
    """

    name: str
    metric: str
    of: str
    values: Floats
    groups: Sequence[str]
    range: Range


def read_populations(folder: Path) -> list[Population]:
    """Read every metric of the test cases of a table: of both networks, and of their difference."""
    rows = sorted(read_rows(folder / "per_image.csv"), key=lambda row: row.case_id)
    found = []
    for metric in METRICS:
        scored = [row for row in rows if row.subset == "test" and getattr(row, metric) is not None]
        first, second = (np.array([getattr(r, metric) for r in scored if r.network == n], float) for n in NETWORKS)
        groups = [row.group for row in scored if row.network == NETWORKS[0]]
        top = max(hypot(row.height, row.width) for row in scored) if metric == "hd95_px" else 1.0
        own = Range(0.0, top)
        found += [Population(folder.name, metric, "one network", scores, groups, own) for scores in (first, second)]
        difference = range_of_difference(metric, own)
        found.append(Population(folder.name, metric, "difference", second - first, groups, difference))
    return found


def cover(population: Population, size: int, samples: int) -> tuple[float, float]:
    """Return the shares of samples whose percentiles alone, and whose intervals, cover the population's mean."""
    names, index = np.unique(np.array(population.groups), return_inverse=True)
    cases = [np.flatnonzero(index == group) for group in range(len(names))]
    expected = population.values.mean()
    rng = np.random.default_rng(0)
    covered = np.zeros(2)
    for seed in range(samples):
        drawn = rng.integers(0, len(names), size)
        values = np.concatenate([population.values[cases[group]] for group in drawn])[:, None]
        # a group that is drawn twice counts as two
        groups = [str(number) for number, group in enumerate(drawn) for _ in cases[group]]
        estimator = ratio(values, np.ones_like(values))
        means = np.concatenate([estimator(weights) for weights in draw_weights(groups, RESAMPLES, seed)])
        low, high = np.quantile(means, [0.025, 0.975])
        found = estimate(estimator, [population.range], groups, RESAMPLES, seed)
        covered += [low <= expected <= high, found.low[0] <= expected <= found.high[0]]
    before, now = covered / samples
    return float(before), float(now)


def main() -> None:
    """Print the table of docs/metrics.md."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    folders = [*sorted(path.parent for path in RESULTS.glob("*/reliability.csv")), Path("metrics")]
    populations = [population for folder in folders for population in read_populations(folder)]
    with ProcessPoolExecutor() as pool:
        running = [(p, size, pool.submit(cover, p, size, samples)) for p in populations for size in SIZES]
    found: Mapping[tuple[str, str, int], list[tuple[float, float]]] = defaultdict(list)
    for population, size, future in running:
        found[population.metric, population.of, size].append(future.result())
    lines = [
        [f"`{metric}`", kind, *(_cell(found[metric, kind, size]) for size in SIZES)]
        for metric in METRICS
        for kind in ("one network", "difference")
    ]
    head = ["", "", *(f"{size} groups" for size in SIZES)]
    _log.info("Tables: %s\n\n%s", ", ".join(folder.name for folder in folders), markdown_table([head, *lines]))


def _cell(shares: Sequence[tuple[float, float]]) -> str:
    """The mean over tables of percentiles alone, then that of the intervals and, in brackets, the least."""
    before, now = zip(*shares, strict=True)
    return f"{np.mean(before):.2f} → {np.mean(now):.2f} ({min(now):.2f})"


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
