"""How much a network's scores vary between trainings that differ in their seed only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import mean, stdev
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from breastseg.evaluation.json_file import significant, write_json
from breastseg.evaluation.statistics import NETWORKS
from breastseg.evaluation.summary import HEADLINES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from breastseg.evaluation.per_image import Row


@dataclass(frozen=True)
class SeedSpread:
    """One figure of one network, training by training.

    Attributes:
        network: Name of the network.
        metric: One of the headline metrics.
        means: The mean over the test cases, by the seed of the training.
        sd: Standard deviation of these means (n - 1); what a result may owe to its seed.
    """

    network: str
    metric: str
    means: dict[int, float]
    sd: float


def seed_spreads(rows: Mapping[int, Sequence[Row]]) -> list[SeedSpread]:
    """Describe the spread of every headline metric that the cases tell.

    Args:
        rows: Per-image tables of both networks by seed, two seeds at least, of the same test cases.
    """
    spreads = []
    for network in NETWORKS:
        for metric, _, _ in HEADLINES:
            means = {seed: _mean(table, network, metric) for seed, table in sorted(rows.items())}
            told = {seed: value for seed, value in means.items() if value is not None}
            if told:
                spreads.append(SeedSpread(network, metric, told, significant(stdev(told.values()))))
    return spreads


def write_spreads(spreads: Sequence[SeedSpread], path: Path) -> None:
    """Write the spreads as a list of records; the file appears only once it is complete."""
    write_json([asdict(spread) for spread in spreads], path)


def read_spreads(path: Path) -> list[SeedSpread]:
    """Read what `write_spreads` wrote."""
    return TypeAdapter(list[SeedSpread]).validate_python(json.loads(path.read_text(encoding="utf-8")))


def _mean(rows: Sequence[Row], network: str, metric: str) -> float | None:
    values = [getattr(row, metric) for row in rows if row.network == network and row.subset == "test"]
    told = [value for value in values if value is not None]
    return significant(mean(told)) if told else None


def format_spreads(spreads: Sequence[SeedSpread]) -> str:
    """Write the spread as one sentence for people, "" where there is none."""
    if not spreads:
        return ""
    decimals = {metric: (heading, places) for metric, heading, places in HEADLINES}
    parts = [
        f"{heading} {', '.join(f'{spread.sd:.{places}f} ({spread.network})' for spread in found)}"
        for metric, (heading, places) in decimals.items()
        if (found := [spread for spread in spreads if spread.metric == metric])
    ]
    seeds = ", ".join(map(str, spreads[0].means))
    averaged = f"Scores are averaged an image over seeds {seeds}."
    return f"{averaged} Standard deviation of the mean between seeds: {'; '.join(parts)}."
