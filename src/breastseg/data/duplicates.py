"""Finds near-duplicate images, because the same picture in training and test would flatter every score."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from breastseg.data.groups import Pairs, connected_groups, fewest_pairs, pairs_of_equal_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HASH_BITS = 64
Hashes = npt.NDArray[np.uint64]

# comparisons held in memory at once
_BLOCK = 1 << 20


def duplicate_groups(case_ids: Sequence[str], hashes: Hashes, max_bits: int) -> list[str]:
    """Group cases that are connected over pairs of similar images.

    Args:
        case_ids: The cases.
        hashes: uint64 `[cases]`, their perceptual hashes.
        max_bits: Largest number of differing bits in a pair.

    Returns:
        The smallest case id in the group of every case.
    """
    return connected_groups(case_ids, _links(hashes, max_bits))


def _links(hashes: Hashes, max_bits: int) -> Pairs:
    """Connect hashes as pairs that differ in at most `max_bits` bits do: int64 `[P, 2]`, places in `hashes`.

    Pairs are joined bucket by bucket, so that P is at most `max_bits + 2` times the number of hashes.

    Not all pairs are compared: two hashes that differ in at most k bits agree entirely in one of k + 1 bands, so only
    hashes that share a band are. (Norouzi et al., Fast Search in Hamming Space with Multi-Index Hashing, CVPR 2012.)
    """
    distinct, first = np.unique(hashes, return_index=True)
    edges = np.linspace(0, HASH_BITS, max_bits + 2).astype(int)
    found = [pairs_of_equal_keys(hashes.tolist())]
    for low, high in pairwise(edges.tolist()):
        band = (distinct >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        found += [first[bucket[_join(distinct[bucket], max_bits)]] for bucket in _buckets(band)]
    return np.concatenate(found)


def _buckets(band: Hashes) -> Iterator[Pairs]:
    """Yield the places of equal values, int64 `[n]` each, n above 1."""
    order = np.argsort(band, kind="stable")
    starts = np.flatnonzero(np.diff(band[order])) + 1
    yield from (bucket for bucket in np.split(order, starts) if len(bucket) > 1)


def _join(values: Hashes, max_bits: int) -> Pairs:
    """Connect the hashes of a bucket: int64 `[P, 2]`, places in `values`, P at most their number."""
    held = np.empty((0, 2), dtype=np.int64)
    for pairs in _close(values, max_bits):
        held = np.concatenate([held, pairs])
        if len(held) > len(values):
            held = fewest_pairs(len(values), held)
    return held


def _close(values: Hashes, max_bits: int) -> Iterator[Pairs]:
    """Yield the pairs that are close enough, int64 `[P, 2]` each, places in `values`, a block of rows at a time."""
    rows = max(1, _BLOCK // len(values))
    for start in range(0, len(values), rows):
        distances = np.bitwise_count(values[start : start + rows, None] ^ values[None, start:])
        left, right = np.nonzero(distances <= max_bits)
        distinct = left < right
        yield np.stack([left[distinct], right[distinct]], axis=1) + start
