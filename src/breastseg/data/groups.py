"""Connected components, named: near-duplicates and patients both tie cases into groups that no split may part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from breastseg.data.table import CaseRow

Pairs = npt.NDArray[np.int64]


def group_cases(rows: Sequence[CaseRow]) -> list[str]:
    """Name the group of every case: connected over shared patients and shared near-duplicate groups.

    Returns:
        The smallest case id in the case's group, in the order of `rows`.
    """
    patients = pairs_of_equal_keys([None if row.patient is None else (row.dataset, row.patient) for row in rows])
    duplicates = pairs_of_equal_keys([row.duplicate_group for row in rows])
    return connected_groups([row.case_id for row in rows], np.concatenate([patients, duplicates]))


def connected_groups(names: Sequence[str], pairs: Pairs) -> list[str]:
    """Name the component of every member by the smallest name in it.

    Args:
        names: The members.
        pairs: int64 `[P, 2]`, places in `names` of members that belong together.
    """
    numbers = components(len(names), pairs).tolist()
    smallest: dict[int, str] = {}
    for name, component in sorted(zip(names, numbers, strict=True)):
        smallest.setdefault(component, name)
    return [smallest[component] for component in numbers]


def fewest_pairs(size: int, pairs: Pairs) -> Pairs:
    """Pair every one of `size` members with the first one of its component: int64 `[P, 2]`, P below `size`.

    Args:
        size: The number of members.
        pairs: int64 `[P, 2]`, places of members that belong together; what is given back connects the same.
    """
    _, first, component = np.unique(components(size, pairs), return_index=True, return_inverse=True)
    heads, members = first[component], np.arange(size)
    apart = heads != members
    return np.stack([heads[apart], members[apart]], axis=1)


def components(size: int, pairs: Pairs) -> npt.NDArray[np.int32]:
    """Number the component of each of `size` members: int32 `[size]`; `pairs` are places that belong together."""
    links = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    numbers: npt.NDArray[np.int32] = connected_components(links, directed=False)[1]
    return numbers


def pairs_of_equal_keys(keys: Sequence[Hashable | None]) -> Pairs:
    """Pair every member with the first one of the same key: int64 `[P, 2]`; `None` is no key."""
    first: dict[Hashable, int] = {}
    pairs = [(first.setdefault(key, place), place) for place, key in enumerate(keys) if key is not None]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
