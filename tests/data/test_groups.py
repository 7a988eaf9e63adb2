"""Groups are connected components, named by their smallest member."""

from __future__ import annotations

import numpy as np

from breastseg.data.groups import connected_groups, fewest_pairs, group_cases, pairs_of_equal_keys
from tests.data.samples import case_row


def test_chains_are_one_group_named_by_its_smallest_member() -> None:
    pairs = np.array([[3, 1], [1, 2]])
    assert connected_groups(["d", "c", "b", "a"], pairs) == ["d", "a", "a", "a"]


def test_without_pairs_everybody_is_alone() -> None:
    assert connected_groups(["a", "b"], np.empty((0, 2), dtype=np.int64)) == ["a", "b"]


def test_nobody_is_no_group() -> None:
    assert connected_groups([], np.empty((0, 2), dtype=np.int64)) == []


def test_equal_keys_are_paired_and_none_is_no_key() -> None:
    names = ["a", "b", "c", "d"]
    assert connected_groups(names, pairs_of_equal_keys(["x", None, "x", None])) == ["a", "b", "a", "d"]


def test_fewest_pairs_connect_the_same() -> None:
    pairs = np.array([[3, 1], [1, 3], [1, 4], [3, 4], [0, 2]])
    assert fewest_pairs(6, pairs).tolist() == [[0, 2], [1, 3], [1, 4]]


def test_patients_and_duplicates_tie_groups_together_in_chains() -> None:
    rows = [
        case_row("a", patient="1"),
        case_row("b", patient="1", duplicate_group="b"),
        case_row("c", patient="2", duplicate_group="b"),
        case_row("d", patient="2"),
        case_row("e"),
        case_row("f"),
    ]
    assert group_cases(rows) == ["a", "a", "a", "a", "e", "f"]


def test_patients_of_two_data_sets_are_two_people() -> None:
    rows = [case_row("a", patient="1", dataset="x"), case_row("b", patient="1", dataset="y")]
    assert group_cases(rows) == ["a", "b"]
