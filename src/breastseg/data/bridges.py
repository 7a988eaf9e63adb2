"""Bridges between images: what falls apart in a group without a single pair, so that a false one can be found."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from breastseg.data.groups import Pairs
    from breastseg.data.similar_pairs import Places


def smaller_parts(units: Places, pairs: Pairs) -> Places:
    """Count the images in the smaller part of a group without a pair and all weaker ones across: int64 `[P]`.

    A pair between images that stronger pairs tie already holds nothing: 0.

    Args:
        units: int64 `[N]`, a number of what no pair is needed to hold together, such as the images of a patient.
        pairs: int64 `[P, 2]`, places of images, the strongest first.
    """
    needed = _spanning(units[pairs])
    sizes = dict(zip(*(values.tolist() for values in np.unique(units, return_counts=True)), strict=True))
    below, total = _subtrees(units[pairs[needed]], sizes)
    found = np.zeros(len(pairs), dtype=np.int64)
    for place, (first, second) in zip(needed, units[pairs[needed]].tolist(), strict=True):
        # one of both is the other's child
        part = min(below[first], below[second])
        found[place] = min(part, total[first] - part)
    return found


def _spanning(pairs: Pairs) -> list[int]:
    """Choose the pairs of a maximum spanning forest (Kruskal 1956)."""
    parent: dict[int, int] = {}

    def head(unit: int) -> int:
        while (above := parent.get(unit, unit)) != unit:
            parent[unit] = parent.get(above, above)
            unit = above
        return unit

    chosen = []
    for place, (first, second) in enumerate(pairs.tolist()):
        one, other = head(first), head(second)
        if one != other:
            parent[other] = one
            chosen.append(place)
    return chosen


def _subtrees(pairs: Pairs, sizes: dict[int, int]) -> tuple[dict[int, int], dict[int, int]]:
    """Sizes of the subtree below every unit of a forest, and of its whole tree."""
    neighbours: dict[int, list[int]] = defaultdict(list)
    for first, second in pairs.tolist():
        neighbours[first].append(second)
        neighbours[second].append(first)
    below: dict[int, int] = {}
    total: dict[int, int] = {}
    for root in list(neighbours):
        if root in below:
            continue
        order = _walk(root, neighbours)
        below.update((unit, sizes[unit]) for unit, _ in order)
        for unit, above in reversed(order[1:]):
            below[above] += below[unit]
        total.update((unit, below[root]) for unit, _ in order)
    return below, total


def _walk(root: int, neighbours: dict[int, list[int]]) -> list[tuple[int, int]]:
    """Every unit of a tree with the one above it, the root first."""
    order, waiting = [], [(root, root)]
    while waiting:
        unit, above = waiting.pop()
        order.append((unit, above))
        waiting += [(child, unit) for child in neighbours[unit] if child != above]
    return order
