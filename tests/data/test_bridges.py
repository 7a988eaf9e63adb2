"""Of a pair, the smaller part that it alone holds in a group is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breastseg.data.bridges import smaller_parts
from breastseg.data.groups import components


def test_the_middle_of_a_chain_holds_the_most() -> None:
    pairs = np.array([[0, 1], [3, 4], [2, 1], [3, 2]])
    assert smaller_parts(np.arange(5), pairs).tolist() == [1, 1, 2, 2]


def test_a_pair_beside_stronger_ones_holds_nothing() -> None:
    assert smaller_parts(np.arange(3), np.array([[0, 1], [1, 2], [0, 2]])).tolist() == [1, 1, 0]


def test_images_of_one_unit_need_no_pair_and_count_each() -> None:
    units = np.array([7, 7, 7, 3, 3, 5])
    assert smaller_parts(units, np.array([[0, 1], [2, 4], [3, 5]])).tolist() == [0, 3, 1]


def test_without_pairs_there_is_nothing() -> None:
    assert smaller_parts(np.arange(3), np.empty((0, 2), dtype=np.int64)).tolist() == []


@given(pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_it_is_what_taking_the_pair_and_the_weaker_ones_across_away_leaves(pairs: list[tuple[int, int]]) -> None:
    edges = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    found = smaller_parts(np.arange(10), edges)
    needed = edges[found > 0]
    whole, tree = components(10, edges), components(10, needed)
    assert len(set(whole.tolist())) == len(set(tree.tolist())) == 10 - len(needed)
    for place in range(len(needed)):
        rest = components(10, np.delete(needed, place, axis=0))
        parts = [int((rest == rest[end]).sum()) for end in needed[place]]
        assert min(parts) == found[found > 0][place]


def test_a_long_chain_is_no_trouble() -> None:
    chain = np.stack([np.arange(5000), np.arange(1, 5001)], axis=1)
    assert smaller_parts(np.arange(5001), chain).max() == pytest.approx(2500, abs=1)
