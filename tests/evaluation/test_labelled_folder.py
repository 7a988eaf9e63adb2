"""The folder is read as the pipeline reads its data: same checks, same near-duplicates, same groups."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.data.table import write_table
from breastseg.errors import BreastsegError, ProblemsError
from breastseg.evaluation.labelled_folder import DUPLICATE_SIMILARITY, FolderCases, LabelledFolder, read_folder
from breastseg.params.base import load
from breastseg.params.prepare import Prepare
from tests.data.samples import box, case_row, prepared_case, save, write_busi

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "scratch"
    yield folder
    assert not list(tmp_path.rglob(".*"))


def test_near_duplicates_are_those_of_the_pipeline() -> None:
    assert load("prepare", Prepare, REPOSITORY / "params.yaml").duplicate_similarity == DUPLICATE_SIMILARITY


def test_all_cases_are_read_back_with_their_places(tmp_path: Path, scratch: Path) -> None:
    folder = LabelledFolder(write_busi(tmp_path / "raw"), "busi", "fail")
    cases = read_folder(folder, scratch, tmp_path / "dropped.csv")
    ids = [row.case_id for row in cases.rows]
    assert len(ids) == 6
    assert [case.case_id for case in cases.read()] == ids
    assert [case.case_id for case in cases.read(ids[2:4])] == ids[2:4]
    assert {place.subset for place in cases.places().values()} == {"test"}
    assert cases.dropped == 0


def test_patients_and_near_duplicates_are_one_group(tmp_path: Path) -> None:
    rows = (
        case_row("a", patient="1"),
        case_row("b", patient="1"),
        case_row("c", duplicate_group="b"),
        case_row("d", patient="2"),
    )
    write_table([prepared_case(row.case_id) for row in rows], tmp_path / "cases.parquet")
    places = FolderCases(rows, 0, tmp_path / "cases.parquet").places()
    assert {name: place.group for name, place in places.items()} == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_flags_are_logged(tmp_path: Path, scratch: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_busi(tmp_path / "raw")
    save(root / "benign" / "benign (0)_mask.png", np.pad(box()[10:], ((0, 10), (0, 0))))
    read_folder(LabelledFolder(root, "busi", "fail"), scratch, tmp_path / "dropped.csv")
    assert [record.getMessage() for record in caplog.records] == [
        "lesion_at_border: 1 of 6 images, benign (0)",
        "small_image: 6 of 6 images, such as benign (0), benign (1), benign (2)",
    ]


def test_errors_speak_of_options_and_not_of_params(tmp_path: Path, scratch: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProblemsError, match="--root and --layout") as caught:
        read_folder(LabelledFolder(tmp_path / "empty", "busi", "fail"), scratch, tmp_path / "dropped.csv")
    assert "data." not in str(caught.value)


@pytest.mark.parametrize("layout", ["busi", "bus_bra", "table"])
def test_dropping_cases_is_not_offered_where_there_are_none(tmp_path: Path, scratch: Path, layout: str) -> None:
    (tmp_path / "raw" / "benign").mkdir(parents=True)
    with pytest.raises(ProblemsError) as caught:
        read_folder(LabelledFolder(tmp_path / "raw", layout, "fail"), scratch, tmp_path / "dropped.csv")
    assert "--on-error" not in str(caught.value)


def test_an_unknown_layout_is_told_before_the_folder_is_read(tmp_path: Path, scratch: Path) -> None:
    with pytest.raises(BreastsegError, match="--layout dicom"):
        read_folder(LabelledFolder(tmp_path, "dicom", "fail"), scratch, tmp_path / "dropped.csv")


def test_a_root_whose_name_is_not_utf8_is_reported_in_a_sentence(tmp_path: Path, scratch: Path) -> None:
    root = write_busi(tmp_path / os.fsdecode(b"d\xe4ta"))
    with pytest.raises(BreastsegError, match=r"--root .*d\\xe4ta has a name that is not UTF-8\. Rename it"):
        read_folder(LabelledFolder(root, "busi", "fail"), scratch, tmp_path / "dropped.csv")
    with pytest.raises(BreastsegError, match=r"d\\xe4ta: has a name that is not UTF-8\. Rename it"):
        read_folder(LabelledFolder(tmp_path, "busi", "fail"), scratch, tmp_path / "dropped.csv")


def test_what_a_file_system_hides_is_reported_and_counted(tmp_path: Path, scratch: Path) -> None:
    root = write_busi(tmp_path / "raw")
    (root / "benign" / "benign (0)_mask_1.png").symlink_to("gone.png")
    (root / "malignant" / os.fsdecode(b"caf\xe9.png")).touch()
    for name in ("a", "b", "c"):
        (root / "benign" / name).symlink_to("..")
    with pytest.raises(ProblemsError, match="5 found") as caught:
        read_folder(LabelledFolder(root, "busi", "fail"), scratch, tmp_path / "dropped.csv")
    assert str(caught.value).encode()
    cases = read_folder(LabelledFolder(root, "busi", "drop"), scratch, tmp_path / "dropped.csv")
    assert (len(cases.rows), cases.dropped) == (5, 5)
