"""From the per-image table to the figures: values with intervals, paired differences and their tests, strata."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, product
from typing import TYPE_CHECKING, Any

import numpy as np

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.evaluation.bootstrap import estimate, seed_reach, unanimous_interval
from breastseg.evaluation.estimators import with_difference
from breastseg.evaluation.json_file import significant
from breastseg.evaluation.metric_sets import (
    LESION_MEANS,
    METRIC_SETS,
    NORMAL_MEANS,
    YES_OR_NO,
    Answers,
    MetricSet,
    range_of,
    range_of_difference,
)
from breastseg.evaluation.reliability import BINS, gather_bins
from breastseg.evaluation.significance import holm, sign_flip_p_value, signed_rank_p_value
from breastseg.evaluation.statistics import ALL, DIFFERENCE, NETWORKS, Statistic
from breastseg.evaluation.strata import strata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breastseg.evaluation.arrays import Floats
    from breastseg.evaluation.bootstrap import Range, Resampling
    from breastseg.evaluation.per_image import Row
    from breastseg.evaluation.reliability import ReliabilityBin

# The named comparisons: Holm's correction is for all of them together, over the whole test set
FAMILY = ("dice", "iou", "nsd2", "hd95_px", "lesion_hit", "false_positive")
TESTED = (*LESION_MEANS, *NORMAL_MEANS)
_MEND = "Run `dvc repro evaluate`"


def compute_statistics(rows: Sequence[Row], bins: Sequence[ReliabilityBin], params: Resampling) -> list[Statistic]:
    """Compute every figure, interval and test of both networks on the test cases.

    Args:
        rows: The per-image table; rows of other subsets are left out. Where several trainings (of other seeds) judged
            a case, its scores are averaged first, and the spread of the trainings widens the intervals; the rows of a
            training stand together, or at least in the same order for every case.
        bins: The reliability beside it.
        params: `resamples` and `seed` of the bootstrap.

    Raises:
        ProblemsError: A case was not judged for both networks, or not as often as the others, or has no bins.
        BreastsegError: No test case has a lesion.
    """
    answers = {network: _answers([row for row in rows if row.network == network], bins) for network in NETWORKS}
    _require_pairs(answers)
    require_lesions(answers[NETWORKS[0]].rows)
    return _correct(_describe(answers, params))


def require_lesions(rows: Sequence[Row]) -> None:
    """Refuse a table that cannot tell how lesions are found.

    Raises:
        BreastsegError: No test case has a lesion.
    """
    if not any(row.truth_px for row in rows if row.subset == "test"):
        raise BreastsegError("No test case has a lesion. Lower `split.folds`, or look at the raw masks")


def describe_network(rows: Sequence[Row], bins: Sequence[ReliabilityBin], params: Resampling) -> list[Statistic]:
    """Compute every figure and interval of one network on the test cases.

    Args:
        rows: That network's rows of a per-image table; those of other subsets are left out.
        bins: The reliability beside it.
        params: `resamples` and `seed` of the bootstrap.

    Raises:
        ProblemsError: A case has no bins.
    """
    (network,) = {row.network for row in rows}
    return _describe({network: _answers(rows, bins)}, params)


def _answers(rows: Sequence[Row], bins: Sequence[ReliabilityBin]) -> Answers:
    """Gather the test cases, sorted by case."""
    tested = sorted((row for row in rows if row.subset == "test"), key=lambda row: row.case_id)
    cases = [list(found) for _, found in groupby(tested, key=lambda row: row.case_id)]
    with_lesion = np.array([rows[0].truth_px > 0 for rows in cases], dtype=np.bool_)
    gathered = np.zeros((len(cases), BINS, 3))
    gathered[with_lesion] = gather_bins(bins, [rows[0] for rows in cases if rows[0].truth_px])
    return Answers(cases, gathered)


def _require_pairs(answers: Mapping[str, Answers]) -> None:
    counts = {network: {rows[0].case_id: len(rows) for rows in found.cases} for network, found in answers.items()}
    often = max((count for found in counts.values() for count in found.values()), default=0)
    problems = [
        Problem(case_id, f"was judged {found.get(case_id, 0)} times by {network}, others {often}", _MEND)
        for network, found in counts.items()
        for case_id in sorted(set().union(*counts.values()))
        if found.get(case_id, 0) != often
    ]
    if problems:
        raise ProblemsError("Networks that are compared are judged on the same cases", problems)


def _describe(answers: Mapping[str, Answers], params: Resampling) -> list[Statistic]:
    """Describe one network, or two and their difference."""
    rows = next(iter(answers.values())).rows
    statistics = []
    for (stratum, indices), metrics in product(strata(rows).items(), METRIC_SETS):
        told = [i for i in indices if metrics.tells(rows[i])]
        if told:
            parts = {network: whole.part(told) for network, whole in answers.items()}
            statistics += _tested(_estimate(stratum, metrics, parts, params), list(parts.values()), params.seed)
    return statistics


def _estimate(stratum: str, metrics: MetricSet, parts: Mapping[str, Answers], params: Resampling) -> list[Statistic]:
    """Estimate some figures; one bootstrap serves both networks and their difference, so that it is paired."""
    groups = next(iter(parts.values())).groups
    estimators = [metrics.build(part) for part in parts.values()]
    paired = len(estimators) > 1
    estimator = with_difference(*estimators) if paired else estimators[0]
    own = {name: range_of(name, parts.values()) for name in metrics.names}
    ranges = list(own.values()) * len(parts)
    if paired:
        ranges += [range_of_difference(name, range_) for name, range_ in own.items()]
    found = estimate(estimator, ranges, groups, params.resamples, params.seed)
    by_training = _by_training(metrics, list(parts.values()))
    names = product((*parts, DIFFERENCE) if paired else parts, metrics.names)
    statistics = [
        Statistic(
            network=network,
            stratum=stratum,
            metric=metric,
            mean=significant(found.value[i]),
            n=len(groups),
            groups=len(set(groups)),
            p_value=None,
            trainings=len(by_training),
            **_limits(found.value[i], (found.low[i], found.high[i]), ranges[i], by_training[:, i]),
        )
        for i, (network, metric) in enumerate(names)
        if np.isfinite([found.value[i], found.low[i]]).all()
    ]
    return [_unanimous(row) if row.metric in YES_OR_NO and row.network != DIFFERENCE else row for row in statistics]


def _by_training(metrics: MetricSet, parts: Sequence[Answers]) -> Floats:
    """Compute the figures of each training: `[trainings, columns]`."""
    figures = []
    for index in range(parts[0].trainings):
        estimators = [metrics.build(part.training(index)) for part in parts]
        estimator = with_difference(*estimators) if len(estimators) > 1 else estimators[0]
        figures.append(estimator(np.ones((1, len(parts[0].cases))))[0])
    return np.array(figures)


def _limits(value: float, found: tuple[float, float], range_: Range, trainings: Floats) -> dict[str, Any]:
    """Return both limits, of several trainings with their spread; none is beyond what the figure can be."""
    low, high = found
    means = trainings[np.isfinite(trainings)].tolist()
    if len(means) > 1:
        low = max(range_.low, value - seed_reach(value - low, means))
        high = min(range_.high, value + seed_reach(high - value, means))
    return {"ci_low": significant(low), "ci_high": significant(high)}


def _unanimous(row: Statistic) -> Statistic:
    """Give a share of 0 or 1 its exact interval."""
    if row.mean not in {0.0, 1.0}:
        return row
    low, high = unanimous_interval(row.mean, row.groups)
    return replace(row, ci_low=significant(low), ci_high=significant(high))


def _tested(statistics: Sequence[Statistic], parts: Sequence[Answers], seed: int) -> list[Statistic]:
    """Add p-values to those differences that are of means."""
    return [
        replace(row, **_test(row.metric, parts, seed)) if row.network == DIFFERENCE and row.metric in TESTED else row
        for row in statistics
    ]


def _test(metric: str, parts: Sequence[Answers], seed: int) -> dict[str, Any]:
    first, second = parts
    differences, groups = second.column(metric) - first.column(metric), first.groups
    return {
        "p_value": sign_flip_p_value(differences, groups, seed),
        "test": "sign_flip",
        "p_signed_rank": None if metric in YES_OR_NO else signed_rank_p_value(differences, groups),
    }


def _correct(statistics: Sequence[Statistic]) -> list[Statistic]:
    """Correct the p-values of the named comparisons, as many of them as the test set tells of."""
    family = {
        row.metric: row.p_value
        for row in statistics
        if row.stratum == ALL and row.metric in FAMILY and row.p_value is not None
    }
    corrected = dict(zip(family, holm(list(family.values())), strict=True))
    return [
        replace(row, p_holm=corrected[row.metric])
        if row.network == DIFFERENCE and row.stratum == ALL and row.metric in corrected
        else row
        for row in statistics
    ]
