"""Several data sets become one table, and no link hides a change from DVC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from breastseg.data.layouts.busi import find_cases
from breastseg.data.listing import layout_of, list_cases, require_no_linked_folder
from breastseg.data.prepare import prepare
from breastseg.data.split import make_split
from breastseg.data.table import read_rows
from breastseg.errors import ProblemsError
from breastseg.params.data import Data
from breastseg.params.prepare import Prepare
from breastseg.params.split import Split
from tests.data.samples import box, outputs_in, save, speckle, write_busi, write_patients

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.data.table import CaseRow

ONE_EACH = {"own": ("table", "own"), "other": ("busi", "other/inside")}


def several(root: Path, sets: dict[str, tuple[str, str]] = ONE_EACH) -> Data:
    parts = {name: {"layout": layout, "root": place} for name, (layout, place) in sets.items()}
    return Data.model_validate({"layout": None, "root": root.as_posix(), "sets": parts})


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Two sets whose file names and patients are partly the same, and of which two images are."""
    root = tmp_path / "raw"
    pictures = {f"benign ({index})": (f"p{index // 2}", speckle(5_000 + index)) for index in range(6)}
    write_patients(root / "own", pictures)
    folder = write_busi(root / "other/inside", benign=6, malignant=0, normal=0)
    save(folder / "benign" / "copy.png", speckle(5_000))
    save(folder / "benign" / "copy_mask.png", box())
    (folder / "malignant").mkdir()
    (folder / "normal").mkdir()
    return root


def prepared(data: Data, out: Path) -> list[CaseRow]:
    prepare(data, Prepare(on_error="fail", duplicate_similarity=0.8, contradictions="keep"), outputs_in(out))
    return read_rows(out / "cases.parquet")


def test_cases_carry_the_name_of_their_set(both: Path, tmp_path: Path) -> None:
    rows = prepared(several(both), tmp_path / "out")
    assert {row.dataset for row in rows} == {"own", "other"}
    assert all(row.case_id.startswith(f"{row.dataset}/") for row in rows)
    # of one file name in both
    assert {"own/benign (0)", "other/benign (0)"} <= {row.case_id for row in rows}
    assert len(rows) == 6 + 7


def test_each_set_is_read_by_its_own_layout(both: Path) -> None:
    data = several(both)
    assert {layout_of(data, case) for case in list_cases(data).cases if case.dataset == "own"} == {"table"}
    assert {layout_of(data, case) for case in list_cases(data).cases if case.dataset == "other"} == {"busi"}


def crossing(rows: list[CaseRow], grouped: bool) -> set[str]:  # noqa: FBT001 - both are tried
    """Ids of copies that are in another subset than their source, over all folds."""
    found = set()
    for fold in range(2):
        params = Split(seed=0, folds=2, fold=fold, val_share=0.5, train_share=1.0, held_out_sets=(), grouped=grouped)
        subsets = {place.case_id: place.subset for place in make_split(rows, params)}
        if subsets["other/copy"] != subsets["own/benign (0)"]:
            found.add("other/copy")
        # the patient of two images
        if subsets["own/benign (0)"] != subsets["own/benign (1)"]:
            found.add("own/benign (1)")
    return found


def test_near_duplicates_and_patients_are_grouped_across_sets(both: Path, tmp_path: Path) -> None:
    rows = prepared(several(both), tmp_path / "out")
    groups = {row.case_id: row.duplicate_group for row in rows}
    assert groups["other/copy"] == groups["own/benign (0)"]
    assert crossing(rows, grouped=True) == set()
    assert crossing(rows, grouped=False)


def test_one_set_is_named_by_its_layout_as_ever(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw")
    data = Data(layout="busi", root=root.as_posix(), sets={})
    assert list_cases(data) == find_cases(root)
    assert {layout_of(data, case) for case in list_cases(data).cases} == {"busi"}


def test_sets_that_are_not_there_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProblemsError) as error:
        list_cases(several(tmp_path, {"one": ("busi", "empty"), "two": ("table", "gone")}))
    assert {problem.path for problem in error.value.problems} == {
        (tmp_path / "empty").as_posix(),
        (tmp_path / "gone").as_posix(),
    }


@pytest.mark.parametrize("place", ["own", "other", "other/inside/benign"])
def test_a_linked_folder_below_the_root_is_refused_with_the_command_that_copies_it(both: Path, place: str) -> None:
    link = both / place
    target = both.parent / "elsewhere"
    if link.exists():
        link.rename(target)
    else:
        target.mkdir()
    link.symlink_to(target)
    with pytest.raises(ProblemsError, match="is a link to a folder") as error:
        require_no_linked_folder(several(both))
    (problem,) = error.value.problems
    assert problem.path == link.as_posix()
    assert f"cp -r '{target}'" in problem.mend


def test_a_linked_folder_that_no_set_reads_is_fine(both: Path, tmp_path: Path) -> None:
    (both / "other" / "aside").symlink_to(tmp_path)
    require_no_linked_folder(several(both))


def test_a_linked_root_is_fine(both: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(both)
    require_no_linked_folder(several(link))
    assert len(list_cases(several(link)).cases) == 13


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"layout": "busi", "sets": {"a": {"layout": "busi", "root": "a"}}}, "set data.layout to null"),
        ({"layout": None, "sets": {}}, "there are no data.sets"),
        ({"layout": None, "sets": {"a": {"layout": "busi", "root": "/a"}}}, "a folder below data.root"),
        ({"layout": None, "sets": {"a": {"layout": "busi", "root": "../a"}}}, "a folder below data.root"),
        ({"layout": None, "sets": {"a": {"layout": "busi", "root": "."}}}, "a folder below data.root"),
        ({"layout": None, "sets": {"a/b": {"layout": "busi", "root": "a"}}}, "String should match pattern"),
        (
            {"layout": None, "sets": {n: {"layout": "busi", "root": r} for n, r in (("a", "x"), ("b", "x/y"))}},
            "would be read with a too",
        ),
    ],
)
def test_sections_that_contradict_themselves_are_refused(sections: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Data.model_validate({"root": "data/raw"} | sections)
