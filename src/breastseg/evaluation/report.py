"""The two metric files: the few numbers that `dvc exp show` has columns for, and all the others beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from breastseg.errors import BreastsegError
from breastseg.evaluation.json_file import fault_of, write_json
from breastseg.evaluation.statistics import DIFFERENCE, NETWORKS, Statistic, over_all_cases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Headline = Mapping[str, Mapping[str, float | None]]

# Names are short: each is a column of `dvc exp show`
_DIFFERENCE_COLUMNS = {"dice": "dice", "iou": "iou", "hd95_px": "hd95_px", "nsd2": "nsd2"}
_NETWORK_COLUMNS = {**_DIFFERENCE_COLUMNS, "false_positive": "normal_fpr"}
_STATISTICS = TypeAdapter(list[Statistic])


def headline(statistics: Sequence[Statistic]) -> Headline:
    """Pick the numbers of `metrics/evaluate.json`.

    Returns:
        For each network the means of Dice, IoU, HD95 and surface Dice at 2 px over lesion images, the number of
        missed lesion images, and the false-positive rate of normals where there are any; for their difference the
        means, and of Dice the interval and both p-values: that of the mean and that of the ranks.
    """
    found = over_all_cases(statistics)
    dice = found[DIFFERENCE, "dice"]
    difference = {
        **_means(DIFFERENCE, _DIFFERENCE_COLUMNS, found),
        "dice_ci_low": dice.ci_low,
        "dice_ci_high": dice.ci_high,
        "p_value": dice.p_value,
        "p_signed_rank": dice.p_signed_rank,
    }
    return {**{network: _of_network(network, found) for network in NETWORKS}, DIFFERENCE: difference}


def _of_network(network: str, found: Mapping[tuple[str, str], Statistic]) -> Mapping[str, float]:
    missed = found[network, "missed"]
    return {**_means(network, _NETWORK_COLUMNS, found), "missed": round(missed.mean * missed.n)}


def _means(network: str, columns: Mapping[str, str], found: Mapping[tuple[str, str], Statistic]) -> Mapping[str, float]:
    return {name: found[network, metric].mean for metric, name in columns.items() if (network, metric) in found}


def write_statistics(statistics: Sequence[Statistic], path: Path) -> None:
    """Write `metrics/statistics.json`: a list of flat records, which `dvc plots` reads too."""
    write_json([asdict(row) for row in statistics], path)


def read_statistics(path: Path) -> list[Statistic]:
    """Read `metrics/statistics.json`.

    Raises:
        BreastsegError: The file is missing or holds no statistics.
    """
    try:
        return [_named(row) for row in _STATISTICS.validate_json(path.read_bytes())]
    except (OSError, ValidationError) as error:
        raise BreastsegError(f"{path} holds no statistics ({fault_of(error)}). Run `dvc repro evaluate`") from error


def _named(row: Statistic) -> Statistic:
    """Give the p-value of a file of before the test of the mean its own name."""
    if row.test != "wilcoxon":
        return row
    return replace(row, p_value=None, p_holm=None, test=None, p_signed_rank=row.p_value)


def read_comparison(path: Path) -> list[Statistic]:
    """Read `metrics/statistics.json` where both networks are to be shown side by side.

    Raises:
        BreastsegError: The file is missing, holds no statistics, or those of one network only.
    """
    statistics = read_statistics(path)
    if (DIFFERENCE, "dice") not in over_all_cases(statistics):
        raise BreastsegError(f"{path} compares no two networks on lesion images. Run `dvc repro evaluate`")
    return statistics
