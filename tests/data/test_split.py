"""No split parts what belongs together, every case is tested once, and small classes are told."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breastseg.data.groups import group_cases
from breastseg.data.split import count_table, make_split, write_counts
from breastseg.errors import ProblemsError
from breastseg.params.split import Split
from tests.data.samples import case_row

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.data.split_table import SplitRow
    from breastseg.data.table import CaseRow

LABELS = ("benign", "malignant", "normal")


def _params(fold: int = 0, **knobs: float | bool | tuple[str, ...]) -> Split:
    defaults = {
        "seed": 0,
        "folds": 5,
        "fold": fold,
        "val_share": 0.2,
        "train_share": 1.0,
        "held_out_sets": (),
        "grouped": True,
    }
    return Split.model_validate(defaults | knobs)


def _rows(count: int = 200, images_a_patient: int = 2) -> list[CaseRow]:
    return [
        case_row(f"{i:04}", label=LABELS[i // images_a_patient % 3], patient=f"p{i // images_a_patient}")
        for i in range(count)
    ]


@st.composite
def _tied_rows(draw: st.DrawFn) -> list[CaseRow]:
    """Cases with random patients and near-duplicate groups, some of either, some of none."""
    count = draw(st.integers(60, 120))
    patients = draw(st.lists(st.none() | st.integers(0, 60), min_size=count, max_size=count))
    duplicates = draw(st.lists(st.none() | st.integers(0, 60), min_size=count, max_size=count))
    labels = draw(st.lists(st.sampled_from(LABELS), min_size=count, max_size=count))
    return [
        case_row(
            f"{i:04}",
            label=labels[i],
            patient=None if patients[i] is None else f"p{patients[i]}",
            duplicate_group=f"{i:04}" if duplicates[i] is None else f"d{duplicates[i]}",
        )
        for i in range(count)
    ]


def _rows_with_copies() -> list[CaseRow]:
    """Two images of each patient, and copies of some."""
    copies = [case_row(f"x{i:03}", label=LABELS[i % 3], duplicate_group=f"d{i // 3}") for i in range(90)]
    return [*_rows(150), *copies]


def _parted(rows: list[CaseRow], split: list[SplitRow]) -> set[str]:
    """The patients and the near-duplicates that are in two subsets or two folds."""
    places: dict[str, set[tuple[str, int]]] = {}
    for row, place in zip(rows, split, strict=True):
        for name in (row.patient, row.duplicate_group):
            if name:
                places.setdefault(name, set()).add((place.subset, place.fold))
    return {name for name, found in places.items() if len(found) > 1}


@pytest.mark.integration
@settings(max_examples=40)
@given(rows=_tied_rows(), fold=st.integers(0, 2), seed=st.integers(0, 5))
def test_no_patient_and_no_near_duplicates_are_in_two_subsets(rows: list[CaseRow], fold: int, seed: int) -> None:
    try:
        split = make_split(rows, _params(fold, folds=3, seed=seed, val_share=0.5))
    except ProblemsError:
        return  # all tied together: told, not parted
    assert _parted(rows, split) == set()


@pytest.mark.parametrize("fold", range(5))
def test_no_fold_parts_a_group(fold: int) -> None:
    rows = _rows_with_copies()
    assert _parted(rows, make_split(rows, _params(fold))) == set()


@pytest.mark.parametrize("fold", range(5))
def test_every_fold_parts_patients_and_near_duplicates_where_grouping_is_off(fold: int) -> None:
    rows = _rows_with_copies()
    parted = _parted(rows, make_split(rows, _params(fold, grouped=False)))
    assert {name[0] for name in parted} == {"p", "d"}
    assert len(parted) > 20


def test_a_split_without_grouping_is_stratified_and_tests_every_case_once() -> None:
    rows = _rows_with_copies()
    splits = [make_split(rows, _params(fold, grouped=False)) for fold in range(5)]
    tested = [place.case_id for split in splits for place in split if place.subset == "test"]
    assert sorted(tested) == [row.case_id for row in rows]
    for count in count_table(rows, splits[0]):
        share = {"test": 0.2, "val": 0.16, "train": 0.64}[count.subset]
        assert count.cases == pytest.approx(share * sum(row.label == count.label for row in rows), abs=2)


def test_a_split_without_grouping_still_tells_the_true_groups() -> None:
    rows = _rows_with_copies()
    assert [place.group for place in make_split(rows, _params(grouped=False))] == group_cases(rows)


def test_a_split_without_grouping_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    rows = _rows(20, images_a_patient=1)
    make_split([*rows, case_row("x", patient="p0")], _params(grouped=True))
    assert not caplog.records
    make_split([*rows, *(case_row(f"x{i}", patient="p0") for i in range(20))], _params(grouped=False))
    assert "split.grouped is false: 1 of 20 groups of patients and near-duplicates are parted" in caplog.text


def test_every_case_is_tested_in_exactly_one_fold() -> None:
    rows = _rows()
    tested = [p.case_id for fold in range(5) for p in make_split(rows, _params(fold)) if p.subset == "test"]
    assert sorted(tested) == [row.case_id for row in rows]


def test_folds_do_not_depend_on_the_chosen_one() -> None:
    folds = [[place.fold for place in make_split(_rows(), _params(fold))] for fold in range(5)]
    assert all(other == folds[0] for other in folds)


def test_test_set_is_the_chosen_fold() -> None:
    for place in make_split(_rows(), _params(3)):
        assert (place.subset == "test") == (place.fold == 3)


def test_labels_are_shared_out_evenly() -> None:
    rows = _rows(300)
    counts = {(c.subset, c.label): c.cases for c in count_table(rows, make_split(rows, _params()))}
    for label in LABELS:
        assert counts["test", label] == pytest.approx(20, abs=2)
        assert counts["val", label] == pytest.approx(16, abs=2)
        assert counts["train", label] == pytest.approx(64, abs=2)


def test_seed_decides() -> None:
    first, again, other = (make_split(_rows(), _params(seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def _places(split: list[SplitRow], subset: str) -> set[str]:
    return {place.case_id for place in split if place.subset == subset}


def test_a_learning_curve_adds_images_to_the_same_ones_and_tests_on_the_same_ones() -> None:
    rows = _rows_with_copies()
    splits = [make_split(rows, _params(train_share=share)) for share in (0.1, 0.25, 0.5, 1.0)]
    for smaller, larger in pairwise(splits):
        assert _places(smaller, "train") < _places(larger, "train")
        assert _places(smaller, "val") == _places(larger, "val")
        assert _places(smaller, "test") == _places(larger, "test")
    assert not _places(splits[-1], "unused")


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_learning_curve_keeps_its_share_of_every_label_in_whole_groups(share: float) -> None:
    rows = _rows(300)
    split = make_split(rows, _params(train_share=share))
    assert _parted(rows, split) == set()
    groups = {(c.subset, c.label): c.groups for c in count_table(rows, split)}
    for label in LABELS:
        whole = groups["train", label] + groups["unused", label]
        assert groups["train", label] == pytest.approx(share * whole, abs=0.51)


def test_the_smallest_learning_curve_still_has_every_label() -> None:
    split = make_split(_rows(), _params(train_share=1e-6))
    assert {c.label: c.groups for c in count_table(_rows(), split) if c.subset == "train"} == dict.fromkeys(LABELS, 1)


def test_small_classes_are_named_with_their_counts() -> None:
    rows = [*_rows(60), case_row("x1", label="unknown", patient="x"), case_row("x2", label="unknown", patient="x")]
    with pytest.raises(ProblemsError, match=r"label unknown: has 1 groups for 5 parts.*[Ll]ower split.folds"):
        make_split(rows, _params())


def test_class_too_small_for_the_validation_set_is_named() -> None:
    rows = [*_rows(120), *(case_row(f"x{i}", label="unknown") for i in range(5))]
    with pytest.raises(ProblemsError, match=r"label unknown: has 4 groups for 10 parts.*split.val_share"):
        make_split(rows, _params(val_share=0.1))


def test_counts_add_up() -> None:
    rows = _rows(90, images_a_patient=3)
    counts = count_table(rows, make_split(rows, _params()))
    assert sum(count.cases for count in counts) == 90
    assert sum(count.groups for count in counts) == 30


def test_counts_are_a_small_csv(tmp_path: Path) -> None:
    rows = _rows()
    write_counts(count_table(rows, make_split(rows, _params())), tmp_path / "plots" / "split_counts.csv")
    lines = (tmp_path / "plots" / "split_counts.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "subset,dataset,label,cases,groups"
    assert len(lines) == 1 + 3 * len(LABELS)


def _of_sets(counts: dict[str, dict[str, int]]) -> list[CaseRow]:
    """Cases of several data sets: name → label → how many."""
    return [
        case_row(f"{name}/{label} {i}", dataset=name, label=label)
        for name, labels in counts.items()
        for label, count in labels.items()
        for i in range(count)
    ]


def test_every_fold_has_its_share_of_each_set() -> None:
    rows = _of_sets({"one": {"benign": 100, "malignant": 50}, "two": {"benign": 20, "malignant": 10}})
    for fold in range(5):
        counts = count_table(rows, make_split(rows, _params(fold)))
        tested = {(count.dataset, count.label): count.cases for count in counts if count.subset == "test"}
        assert tested == {
            ("one", "benign"): 20,
            ("one", "malignant"): 10,
            ("two", "benign"): 4,
            ("two", "malignant"): 2,
        }


def test_a_label_that_is_rare_in_a_set_is_drawn_with_that_of_the_others() -> None:
    rows = _of_sets({"one": {"benign": 60, "normal": 30}, "two": {"benign": 60, "normal": 2}})
    split = make_split(rows, _params())
    assert {place.subset for row, place in zip(rows, split, strict=True) if row.label == "normal"} == {
        "train",
        "val",
        "test",
    }


def test_a_set_that_is_held_out_is_tested_with_all_that_belongs_to_it() -> None:
    rows = _of_sets({"one": {"benign": 60}, "two": {"benign": 20}})
    rows[0] = case_row("one/benign 0", dataset="one", duplicate_group="two/benign 0")
    rows[-20] = case_row("two/benign 0", dataset="two", duplicate_group="two/benign 0")
    for fold in range(5):
        split = make_split(rows, _params(fold, held_out_sets=("two",)))
        held_out = {place.case_id for place in split if place.case_id.startswith("two/")} | {"one/benign 0"}
        subsets = {place.case_id: place.subset for place in split}
        assert {subsets[case_id] for case_id in held_out} == {"test"}
        assert {"train", "val", "test"} == {subsets[row.case_id] for row in rows if row.case_id not in held_out}


def test_unknown_sets_and_all_of_them_cannot_be_held_out() -> None:
    rows = _of_sets({"one": {"benign": 60}, "two": {"benign": 20}})
    with pytest.raises(ProblemsError, match=r"three.*The data sets are one, two"):
        make_split(rows, _params(held_out_sets=("two", "three")))
    with pytest.raises(ProblemsError, match="leave nothing to train on"):
        make_split(rows, _params(held_out_sets=("two", "one")))
