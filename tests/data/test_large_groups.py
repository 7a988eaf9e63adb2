"""A group that is larger than a fold is reported with the pair that holds it together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.data.csv_file import write_csv
from breastseg.data.large_groups import warn_of_large_groups
from breastseg.data.near_pairs import NearPairRow
from breastseg.data.prepare import prepare
from breastseg.data.split import make_split
from breastseg.data.split_table import SplitRow
from breastseg.data.table import read_rows
from breastseg.errors import BreastsegError
from breastseg.params.data import Data
from breastseg.params.prepare import Prepare
from breastseg.params.split import Split
from tests.data.samples import outputs_in, resembling, speckle, write_patients

if TYPE_CHECKING:
    from pathlib import Path


def _places(**sizes: int) -> list[SplitRow]:
    return [SplitRow(f"{group}{i}", f"{group}0", 0, "train") for group, size in sizes.items() for i in range(size)]


def _pairs(path: Path, *pairs: NearPairRow) -> Path:
    write_csv(NearPairRow, pairs, path)
    return path


def test_the_pair_that_parts_it_most_evenly_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pairs = [
        NearPairRow("a0", "a1", 0.97, True, 1),
        NearPairRow("a3", "a4", 0.9, True, 2),
        NearPairRow("a1", "a2", 0.887, True, 2),
        NearPairRow("a1", "a5", 0.86, True, 0),
        NearPairRow("b0", "b1", 0.85, True, 7),
        NearPairRow("a0", "b0", 0.84, False, 0),
    ]
    warn_of_large_groups(_places(a=6, b=2, c=12), 4, _pairs(tmp_path / "near_pairs.csv", *pairs))
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("Group a0 has 6 of 20 cases, more than one of 4 folds")
    assert "a1 and a2 (similarity 0.887)" in first
    assert "2 and 4 cases" in first
    assert "prepare.duplicate_similarity" in first
    assert second.startswith("Group c0 has 12 of 20 cases")
    assert "one patient" in second


def test_groups_up_to_a_fold_are_fine(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    warn_of_large_groups(_places(a=5, b=5, c=5, d=5), 4, tmp_path / "is not needed")
    assert not caplog.records


def test_pairs_of_cases_that_were_left_out_hold_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pairs = [NearPairRow("a0", "dropped", 0.9, True, 9), NearPairRow("a0", "a1", 0.86, True, 1)]
    warn_of_large_groups(_places(a=2), 2, _pairs(tmp_path / "near_pairs.csv", *pairs))
    assert "a0 and a1" in caplog.text


@pytest.mark.parametrize("content", [None, "first,second,similarity,grouped\n", "first,second\na0,a1\n"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "near_pairs.csv").write_text(content, encoding="utf-8")
    with pytest.raises(BreastsegError, match=r"near_pairs.csv.*Run `dvc repro prepare`"):
        warn_of_large_groups(_places(a=2), 2, tmp_path / "near_pairs.csv")


@pytest.mark.integration
def test_a_copied_patient_that_makes_a_group_too_large_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    originals = {f"a{seed}": ("p", speckle(seed)) for seed in range(4)}
    copies = {f"b{seed}": ("q", resembling(seed, 0.89)) for seed in range(4)}
    others = {f"c{seed}": (f"r{seed}", speckle(seed + 100)) for seed in range(12)}
    root = write_patients(tmp_path / "raw", originals | copies | others)
    params = Prepare(on_error="fail", duplicate_similarity=0.8, contradictions="keep")
    outputs = outputs_in(tmp_path)
    prepare(Data(layout="table", root=root.as_posix(), sets={}), params, outputs)
    split = make_split(
        read_rows(outputs.table),
        Split(seed=0, folds=4, fold=0, val_share=0.3, train_share=1.0, held_out_sets=(), grouped=True),
    )
    warn_of_large_groups(split, 4, outputs.near_pairs)
    (record,) = [record for record in caplog.records if record.name == "breastseg.data.large_groups"]
    assert record.getMessage().startswith("Group a0 has 8 of 20 cases")
    assert "4 and 4 cases" in record.getMessage()
