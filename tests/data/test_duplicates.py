"""Near-duplicates are found without comparing all pairs, and nothing else is."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from breastseg.data.duplicates import duplicate_groups, near_pairs
from breastseg.data.groups import connected_groups


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


def test_found_pairs_are_close() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 3000, dtype=np.uint64)
    hashes[::2] = hashes[1::2] ^ np.uint64(0b1011)
    pairs = near_pairs(hashes, 12)
    distances = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]])
    assert (distances <= 12).all()
    assert (distances == 3).sum() >= 1500


def test_a_hundred_thousand_images_take_seconds_even_when_half_are_equal() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**64, 100_000, dtype=np.uint64)
    hashes[50_000:] = hashes[0]
    start = time.process_time()
    groups = duplicate_groups([f"{i:06}" for i in range(len(hashes))], hashes, 6)
    assert time.process_time() - start < 10
    assert groups[50_000:] == ["000000"] * 50_000
