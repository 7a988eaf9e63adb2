"""Near-duplicates are found without comparing all pairs, and nothing else is."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from breastseg.data import duplicates
from breastseg.data.duplicates import duplicate_groups
from breastseg.data.groups import connected_groups

if TYPE_CHECKING:
    import pytest


def _flip(value: int, bits: list[int]) -> int:
    for bit in bits:
        value ^= 1 << bit
    return value


def _all_pairs(hashes: list[int], max_bits: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    found = [(i, j) for i in range(len(hashes)) for j in range(i) if (hashes[i] ^ hashes[j]).bit_count() <= max_bits]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


BITS = st.lists(st.integers(0, 63), max_size=14, unique=True)


@settings(deadline=None)
@given(base=st.integers(0, 2**64 - 1), changes=st.lists(BITS, max_size=20), max_bits=st.integers(0, 12))
def test_groups_are_those_of_comparing_all_pairs(base: int, changes: list[list[int]], max_bits: int) -> None:
    hashes = [_flip(base, bits) for bits in changes]
    names = [f"{i:02}" for i in range(len(hashes))]
    found = duplicate_groups(names, np.array(hashes, dtype=np.uint64), max_bits)
    assert found == connected_groups(names, _all_pairs(hashes, max_bits))


def test_only_what_is_close_is_joined() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 600, dtype=np.uint64)
    hashes[::2] = hashes[1::2] ^ np.uint64(0b1011)
    names = [f"{i:03}" for i in range(len(hashes))]
    assert duplicate_groups(names, hashes, 12) == connected_groups(names, _all_pairs(hashes.tolist(), 12))


def test_groups_hold_over_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_BLOCK", 64)
    rng = np.random.default_rng(1)
    hashes = rng.choice(np.uint64(1) << np.arange(64, dtype=np.uint64), (300, 3)).sum(axis=1, dtype=np.uint64)
    names = [f"{i:03}" for i in range(len(hashes))]
    for max_bits in (1, 2, 4):
        assert duplicate_groups(names, hashes, max_bits) == connected_groups(
            names, _all_pairs(hashes.tolist(), max_bits)
        )


def test_memory_is_bounded_when_all_images_are_nearly_the_same() -> None:
    # frames of one film: every hash differs from every other in a few of twelve bits
    hashes = np.arange(3000, dtype=np.uint64)
    names = [f"{i:04}" for i in range(len(hashes))]
    tracemalloc.start()
    groups = duplicate_groups(names, hashes, 12)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(groups) == {"0000"}
    assert peak < 100 * 2**20


def test_a_hundred_thousand_images_take_seconds_even_when_half_are_equal() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**64, 100_000, dtype=np.uint64)
    hashes[50_000:] = hashes[0]
    start = time.process_time()
    groups = duplicate_groups([f"{i:06}" for i in range(len(hashes))], hashes, 6)
    assert time.process_time() - start < 10
    assert groups[50_000:] == ["000000"] * 50_000
