"""Cases at training size: what is judged, what is not, and which subsets may be opened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from breastseg.data.split_table import SplitRow, write_split
from breastseg.data.table import DOUBTFUL_NORMAL, write_table
from breastseg.errors import ProblemsError
from breastseg.params.base import load
from breastseg.params.train import Train
from breastseg.training.tensors import BACKGROUND, IGNORED, LESION, PADDING, Batches, load_cases, load_training_cases
from tests.training import trainee

if TYPE_CHECKING:
    from pathlib import Path

TRAIN = load("train", Train, trainee.PARAMS)


def test_targets_tell_lesion_ignored_and_padding_apart(tmp_path: Path) -> None:
    case = trainee.make_case("a", np.random.default_rng(0))
    write_table([case], tmp_path / "t.parquet")
    cases = load_cases(tmp_path / "t.parquet", ["a"], 64, 1)
    assert (cases.images_nchw.shape, cases.targets_nchw.shape) == ((1, 1, 64, 64), (1, 1, 64, 64))
    assert cases.images_nchw.dtype == cases.targets_nchw.dtype == torch.uint8
    expected = np.full((64, 64), PADDING)
    expected[2:62] = np.where(case.mask(), LESION, BACKGROUND)
    expected[2:62, -1] = IGNORED
    assert np.array_equal(cases.targets_nchw[0, 0], expected)
    assert np.array_equal(cases.images_nchw[0, 0, 2:62], case.image())


def test_grey_cases_are_repeated_for_three_channels(tmp_path: Path) -> None:
    write_table([trainee.make_case("a", np.random.default_rng(0))], tmp_path / "t.parquet")
    images = load_cases(tmp_path / "t.parquet", ["a"], 32, 3).images_nchw
    assert images.shape == (1, 3, 32, 32)
    assert torch.equal(images[:, 0], images[:, 2])


def test_test_cases_are_not_opened(root: Path) -> None:
    """A training runs from a table without them."""
    rng = np.random.default_rng(0)
    write_table([trainee.make_case(f"case{i:02}", rng, normal=i % 5 == 0) for i in range(15)], root / "cases.parquet")
    cases, validation = load_training_cases(root / "cases.parquet", root / "splits.csv", TRAIN)
    assert (len(cases), len(validation)) == (11, 4)


def test_cases_that_the_table_lacks_are_all_named(root: Path) -> None:
    write_table([trainee.make_case("case00", np.random.default_rng(0))], root / "cases.parquet")
    with pytest.raises(ProblemsError, match=r"(?s)case01.*case10"):
        load_training_cases(root / "cases.parquet", root / "splits.csv", TRAIN)


@pytest.mark.parametrize("kept", ["train", "val"])
def test_an_empty_subset_is_named(root: Path, kept: str) -> None:
    write_split([SplitRow("case01", "case01", 0, kept)], root / "splits.csv")  # type: ignore[arg-type] # parametrised
    missing = {"train": "val", "val": "train"}[kept]
    with pytest.raises(ProblemsError, match=rf"{missing}: has no case.*dvc repro split"):
        load_training_cases(root / "cases.parquet", root / "splits.csv", TRAIN)


def test_validation_on_normals_alone_is_refused(root: Path) -> None:
    rows = [SplitRow("case01", "case01", 0, "train"), SplitRow("case05", "case05", 0, "val")]
    write_split(rows, root / "splits.csv")
    with pytest.raises(ProblemsError, match="val: has no case with a lesion"):
        load_training_cases(root / "cases.parquet", root / "splits.csv", TRAIN)


def test_presence_is_learned_from_sets_with_both_kinds_of_image(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = [("both", False), ("both", True), ("lesions", False), ("lesions", False), ("normals", True)]
    cases = [
        replace(trainee.make_case(f"{i}", rng, normal=normal), dataset=name) for i, (name, normal) in enumerate(kinds)
    ]
    doubtful = replace(trainee.make_case("5", rng, normal=True), dataset="both", flags=(DOUBTFUL_NORMAL,))
    many = [replace(trainee.make_case(f"9{i}", rng, normal=i == 10), dataset="nearly") for i in range(10, 70)]
    write_table([*cases, doubtful, *many], tmp_path / "t.parquet")

    def weights(*ids: str) -> list[float]:
        return load_cases(tmp_path / "t.parquet", ids, 32, 1).presence_weights.tolist()

    assert weights("0", "1", "2", "3", "4") == [2.5, 2.5, 0, 0, 0]
    assert weights("0", "1") == [1, 1]
    assert weights("2", "3", "4") == [1, 1, 1]
    assert weights("0", "1", "5") == [1.5, 1.5, 0]
    # one normal among sixty is no kind of its own
    assert weights("0", "1", *(f"9{i}" for i in range(10, 70)))[2:] == [0] * 60


def test_batches_follow_the_order(root: Path) -> None:
    cases, _ = load_training_cases(root / "cases.parquet", root / "splits.csv", TRAIN)
    order = torch.arange(11).flip(0)
    batches = Batches(cases, order, 4)
    assert [len(images) for images, *_ in batches] == [4, 4, 3]
    assert len(batches) == 3
    assert torch.equal(next(iter(batches))[0], cases.images_nchw[[10, 9, 8, 7]])
