"""A record of the comparison, and the names that stand in it; light, since everything that shows results imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NETWORKS = ("cnn_unet", "vit_unet")
DIFFERENCE = "difference"
ALL = "all"


@dataclass(frozen=True)
class Statistic:
    """One figure of the test cases, of a network or of the paired difference `vit_unet - cnn_unet`.

    Attributes:
        network: Name of the network, or `difference`.
        stratum: `all`, or a part of the cases such as `label=benign`, see `strata`.
        metric: See docs/metrics.md.
        mean: Mean over the cases, or whatever else the metric is over them.
        ci_low: Lower end of its 95 % interval.
        ci_high: Upper end.
        n: Number of cases that it is computed from.
        groups: Number of groups that they belong to.
        p_value: Of differences that are tested, two-sided; else None.
        p_holm: The same, corrected for the number of the named comparisons that it is one of; else None.
        test: `wilcoxon` or `mcnemar` where there is a p-value.
    """

    network: str
    stratum: str
    metric: str
    mean: float
    ci_low: float
    ci_high: float
    n: int
    groups: int
    p_value: float | None
    p_holm: float | None = None
    test: str | None = None


def over_all_cases(statistics: Iterable[Statistic]) -> dict[tuple[str, str], Statistic]:
    """Pick the figures over all test cases: network and metric → figure."""
    return {(row.network, row.metric): row for row in statistics if row.stratum == ALL}
