"""Near-duplicates with different labels: at least one label is wrong, and which one is unknown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.data.cases import Label


@dataclass(frozen=True, order=True)
class ContradictionRow:
    """A case that shows the same as cases of other labels; the group is named by the smallest case id in it."""

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
        groups: Their groups of images that are alike enough for labels to be compared; see `Duplicates.clear_groups`.
    """
    known = {(group, label) for group, label in zip(groups, labels, strict=True) if label != "unknown"}
    counts = Counter(group for group, _ in known)
    rows = (ContradictionRow(*cells) for cells in zip(groups, case_ids, labels, strict=True) if counts[cells[0]] > 1)
    return sorted(rows)


def find_doubtful_normals(labels: Sequence[Label], groups: Sequence[str]) -> list[bool]:
    """Whether a case is a normal whose group holds an image with a lesion, of whatever label: one value per case.

    Args:
        labels: The labels of the cases; only a normal has no lesion.
        groups: As for `find_contradictions`.
    """
    with_lesion = {group for group, label in zip(groups, labels, strict=True) if label != "normal"}
    return [label == "normal" and group in with_lesion for group, label in zip(groups, labels, strict=True)]
