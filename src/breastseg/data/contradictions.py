"""Near-duplicates with different labels: at least one label is wrong, and nobody here can tell which."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.data.cases import Label


@dataclass(frozen=True, order=True)
class ContradictionRow:
    """A case in a group of near-duplicates with more than one label."""

    group: str
    case_id: str
    label: Label


def find_contradictions(
    case_ids: Sequence[str], labels: Sequence[Label], groups: Sequence[str]
) -> list[ContradictionRow]:
    """List all cases of the groups that have more than one label, group by group; `unknown` contradicts nothing.

    Args:
        case_ids: The cases.
        labels: Their labels.
        groups: Their groups of near-duplicates.
    """
    known = {(group, label) for group, label in zip(groups, labels, strict=True) if label != "unknown"}
    counts = Counter(group for group, _ in known)
    rows = (ContradictionRow(*cells) for cells in zip(groups, case_ids, labels, strict=True) if counts[cells[0]] > 1)
    return sorted(rows)
