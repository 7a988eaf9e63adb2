"""A record of the comparison, and the names that stand in it; light, since everything that shows results imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NETWORKS = ("cnn_unet", "vit_unet")
DIFFERENCE = "difference"
ALL = "all"
# from as many groups on, intervals of means cover nearly what they say (docs/metrics.md)
ENOUGH_GROUPS = 20


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
        p_value: Of a difference that is tested, two-sided; of the mean. Else None.
        p_holm: The same, corrected for the number of the named comparisons that it is one of; else None.
        test: `sign_flip` or, in runs of before, `mcnemar`, where there is a p-value.
        p_signed_rank: Of Wilcoxon's signed-rank test, which looks at ranks and not at the mean; None for yes or no.
        trainings: How many trainings of each network the scores are averaged over.
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
    p_signed_rank: float | None = None
    trainings: int = 1

    @property
    def few_groups(self) -> bool:
        """Whether the interval rests on so few groups that it may be too narrow."""
        return self.groups < ENOUGH_GROUPS


def over_all_cases(statistics: Iterable[Statistic]) -> dict[tuple[str, str], Statistic]:
    """Pick the figures over all test cases: network and metric → figure."""
    return {(row.network, row.metric): row for row in statistics if row.stratum == ALL}
