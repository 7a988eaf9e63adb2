"""What leakage is worth: the same networks on a split that keeps groups together and on one that parts them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.evaluation.report import read_statistics
from breastseg.evaluation.statistics import NETWORKS, Statistic, over_all_cases
from breastseg.evaluation.summary import HEADLINES, format_mean, lay_out
from breastseg.inference.contract import INTENDED_USE
from breastseg.reporting.experiments import PARAMS, Params, differences, fetch, list_experiments, read_params

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATISTICS = "metrics/statistics.json"
_GROUPED = "split.grouped"


def leakage_table(grouped: str, plain: str, root: Path) -> str:
    """Lay two experiments side by side that differ in `split.grouped` only.

    Args:
        grouped: An experiment of the current commit with `split.grouped=true`.
        plain: One with `split.grouped=false`.
        root: The repository.

    Returns:
        For a terminal: a row a network and metric, means with 95 % intervals, and what the plain split adds. The two
        test sets are different ones, so nothing is paired.

    Raises:
        ProblemsError: An experiment is unknown, or they differ in more.
        BreastsegError: They are not one of each kind.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / side for side in ("grouped", "plain")]
        revs = list_experiments((grouped, plain), root)
        for name, folder in zip((grouped, plain), folders, strict=True):
            fetch(revs[name], {PARAMS: PARAMS, _STATISTICS: Path(_STATISTICS).name}, folder, root)
        _check(grouped, plain, *(read_params(folder) for folder in folders))
        first, second = (over_all_cases(read_statistics(folder / Path(_STATISTICS).name)) for folder in folders)
    lines = lay_out([["", "grouped split", "plain split", "plain - grouped"], *_rows(first, second)])
    return "\n".join([*lines, "", "Different test sets: the difference is not paired.", INTENDED_USE])


def _check(grouped: str, plain: str, first: Params, second: Params) -> None:
    if (first["split"]["grouped"], second["split"]["grouped"]) != (True, False):
        raise BreastsegError(f"Name first an experiment with {_GROUPED}=true, then one with {_GROUPED}=false")
    mend = f"Run dvc exp run -S {_GROUPED}=false from the params of {grouped}"
    if problems := [Problem(plain, f"differs in {key}", mend) for key in differences(first, second, {_GROUPED})]:
        raise ProblemsError("Not the same training", problems)


def _rows(first: Mapping[tuple[str, str], Statistic], second: Mapping[tuple[str, str], Statistic]) -> list[list[str]]:
    return [
        [
            f"{network} {heading}",
            format_mean(first[network, metric], decimals),
            format_mean(second[network, metric], decimals),
            f"{second[network, metric].mean - first[network, metric].mean:+.{decimals}f}",
        ]
        for network in NETWORKS
        for metric, heading, decimals in HEADLINES
        if (network, metric) in first and (network, metric) in second
    ]
