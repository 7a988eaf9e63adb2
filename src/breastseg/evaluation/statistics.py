"""From the per-image table to the comparison: means with intervals, paired differences, strata."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import wilcoxon

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.evaluation.bootstrap import confidence_intervals, group_sums
from breastseg.evaluation.json_file import significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.evaluation.arrays import Floats
    from breastseg.evaluation.per_image import Row
    from breastseg.params.evaluate import Evaluate

NETWORKS = ("cnn_unet", "vit_unet")
DIFFERENCE = "difference"
ALL = "all"

LESION_METRICS = ("dice", "iou", "nsd1", "nsd2", "nsd4", "hd95_px", "missed")
NORMAL_METRICS = ("false_positive", "false_positive_share")


@dataclass(frozen=True)
class Statistic:
    """One mean over test cases, of a network or of the paired differences `vit_unet - cnn_unet`.

    Attributes:
        network: Name of the network, or `difference`.
        stratum: `all`, or the label that the cases have.
        metric: Column of the per-image table.
        mean: Mean over the cases.
        ci_low: Lower end of its 95 % interval.
        ci_high: Upper end.
        n: Number of cases.
        groups: Number of groups that they belong to.
        p_value: Of differences: Wilcoxon's signed-rank test of the groups' mean differences, two-sided; else None.
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


def compute_statistics(rows: Sequence[Row], params: Evaluate) -> list[Statistic]:
    """Compute every mean, interval and test of the test cases.

    Args:
        rows: The per-image table; rows of other subsets are left out.
        params: `resamples` and `seed` of the bootstrap.

    Raises:
        ProblemsError: A case was not judged for both networks.
        BreastsegError: No test case has a lesion.
    """
    pairs = _paired([row for row in rows if row.subset == "test"])
    if not any(first.truth_px for first, _ in pairs):
        raise BreastsegError("No test case has a lesion. Lower `split.folds`, or look at the raw masks")
    labels = sorted({first.label for first, _ in pairs})
    statistics = _stratum(ALL, pairs, params)
    for label in labels if len(labels) > 1 else []:
        statistics += _stratum(label, [pair for pair in pairs if pair[0].label == label], params)
    return statistics


def _paired(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Both networks' rows of each case, sorted by case."""
    first, second = ({row.case_id: row for row in rows if row.network == network} for network in NETWORKS)
    lonely = first.keys() ^ second.keys()
    if lonely:
        mend = "Run `dvc repro evaluate`"
        raise ProblemsError(
            "Cases judged once", [Problem(case, "has one network's scores only", mend) for case in lonely]
        )
    return [(first[case], second[case]) for case in sorted(first)]


def _stratum(stratum: str, pairs: Sequence[tuple[Row, Row]], params: Evaluate) -> list[Statistic]:
    lesions = [pair for pair in pairs if pair[0].truth_px]
    normals = [pair for pair in pairs if not pair[0].truth_px]
    statistics = _describe(stratum, lesions, LESION_METRICS, params) if lesions else []
    return statistics + (_describe(stratum, normals, NORMAL_METRICS, params) if normals else [])


def _describe(
    stratum: str, pairs: Sequence[tuple[Row, Row]], metrics: tuple[str, ...], params: Evaluate
) -> list[Statistic]:
    """Describe both networks and their difference; one bootstrap serves all three, so that it is paired."""
    first, second = (_values([pair[i] for pair in pairs], metrics) for i in (0, 1))
    values = np.hstack([first, second, second - first])
    groups = [pair[0].group for pair in pairs]
    means = values.mean(axis=0)
    low, high = confidence_intervals(values, groups, params.resamples, params.seed)
    return [
        Statistic(
            network=network,
            stratum=stratum,
            metric=metric,
            mean=significant(means[i]),
            ci_low=significant(low[i]),
            ci_high=significant(high[i]),
            n=len(groups),
            groups=len(set(groups)),
            p_value=signed_rank_p_value(values[:, i], groups) if network == DIFFERENCE else None,
        )
        for i, (network, metric) in enumerate(product((*NETWORKS, DIFFERENCE), metrics))
    ]


def _values(rows: Sequence[Row], metrics: tuple[str, ...]) -> Floats:
    """Take the metrics' columns out of the table, float64 `[cases, metrics]`."""
    return np.array([[getattr(row, metric) for metric in metrics] for row in rows], dtype=np.float64)


def signed_rank_p_value(differences: Floats, groups: Sequence[str]) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test, 0..1; 1 where nothing differs.

    The test asks for independent observations, so it is given each group's mean difference.

    Args:
        differences: `[cases]`.
        groups: The group of each case.
    """
    sums, counts = group_sums(differences[:, None], groups)
    means = sums[:, 0] / counts
    return significant(float(wilcoxon(means).pvalue)) if means.any() else 1.0
