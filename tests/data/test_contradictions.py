"""Groups of near-duplicates with several labels are listed whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.data.contradictions import ContradictionRow, find_contradictions, find_doubtful_normals
from breastseg.data.groups import connected_groups, pairs_of_equal_keys

if TYPE_CHECKING:
    from breastseg.data.cases import Label


def test_all_cases_of_a_group_with_two_labels_are_listed_by_group() -> None:
    found = find_contradictions(
        ["c", "a", "d", "b", "e"], ["benign", "malignant", "normal", "benign", "benign"], ["c", "a", "c", "a", "c"]
    )
    assert found == [
        ContradictionRow("a", "a", "malignant"),
        ContradictionRow("a", "b", "benign"),
        ContradictionRow("c", "c", "benign"),
        ContradictionRow("c", "d", "normal"),
        ContradictionRow("c", "e", "benign"),
    ]


def test_equal_labels_and_single_cases_do_not_contradict() -> None:
    groups = connected_groups(["a", "b", "c"], pairs_of_equal_keys(["x", "x", "y"]))
    assert find_contradictions(["a", "b", "c"], ["benign", "benign", "malignant"], groups) == []


def test_unknown_contradicts_nothing_but_is_listed_where_others_do() -> None:
    assert find_contradictions(["a", "b"], ["unknown", "malignant"], ["a", "a"]) == []
    found = find_contradictions(["a", "b", "c"], ["unknown", "malignant", "normal"], ["a", "a", "a"])
    assert [row.case_id for row in found] == ["a", "b", "c"]


def test_a_normal_beside_any_lesion_is_doubtful_and_nothing_else_is() -> None:
    labels: list[Label] = ["normal", "unknown", "normal", "normal", "benign", "malignant"]
    assert find_doubtful_normals(labels, ["a", "a", "c", "c", "e", "e"]) == [True] + [False] * 5
