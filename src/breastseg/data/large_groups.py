"""Groups that are larger than a fold, and the pair of images that holds each of them together."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from breastseg.errors import BreastsegError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from breastseg.data.split_table import SplitRow

_log = logging.getLogger(__name__)

_COLUMNS = {"first", "second", "similarity", "smaller_part"}


class _Bridge(NamedTuple):
    """A pair of images, in the order in which pairs are chosen: the largest is the one that is named."""

    smaller_part: int
    difference: float
    first: str
    second: str


def warn_of_large_groups(places: Sequence[SplitRow], folds: int, near_pairs: Path) -> None:
    """Warn of every group with more cases than a fold has: it fills a whole subset, and folds differ in size.

    The pair that is named is the one without which a group falls into the most even parts; of several, the least
    similar one.

    Args:
        places: The split table.
        folds: Number of folds.
        near_pairs: The pairs that `prepare` wrote; read only where there is such a group.

    Raises:
        BreastsegError: The file of pairs is missing or is not one.
    """
    sizes = Counter(place.group for place in places)
    large = {group for group, size in sizes.items() if size * folds > len(places)}
    if not large:
        return
    bridges = _find_bridges({place.case_id: place.group for place in places if place.group in large}, near_pairs)
    for group in sorted(large):
        message = "Group %s has %d of %d cases, more than one of %d folds: %s"
        _log.warning(message, group, sizes[group], len(places), folds, _explain(sizes[group], bridges.get(group)))


def _find_bridges(groups: Mapping[str, str], path: Path) -> dict[str, _Bridge]:
    """Find the bridge of each group, by the group of each case."""
    found: dict[str, _Bridge] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            _require_columns(reader.fieldnames or ())
            for line in reader:
                group = groups.get(line["first"])
                bridge = _Bridge(int(line["smaller_part"]), -float(line["similarity"]), line["first"], line["second"])
                if group is not None and group == groups.get(bridge.second) and bridge.smaller_part:
                    found[group] = max(bridge, found.get(group, bridge))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BreastsegError(f"{path} cannot be read as a table of pairs ({error}). Run `dvc repro prepare`") from error
    return found


def _require_columns(names: Sequence[str]) -> None:
    if missing := _COLUMNS - set(names):
        raise ValueError(f"it lacks the columns {', '.join(sorted(missing))}")


def _explain(size: int, bridge: _Bridge | None) -> str:
    if bridge is None:
        return "all are of one patient, or show one picture beyond doubt"
    similarity, other = -bridge.difference, size - bridge.smaller_part
    parts = f"without it and weaker pairs the group falls into {bridge.smaller_part} and {other} cases"
    way_out = "If they show two things, raise prepare.duplicate_similarity above that"
    return f"{bridge.first} and {bridge.second} (similarity {similarity:g}) hold it together, {parts}. {way_out}"
