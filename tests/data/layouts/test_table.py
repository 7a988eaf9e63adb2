"""Anybody's own folder: what a cases.csv says, and what is wrong with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.data.layouts import layout
from breastseg.errors import ProblemsError
from tests.data.samples import box, save, speckle

if TYPE_CHECKING:
    from pathlib import Path

TABLE = layout("table")


def _write(home: Path, *lines: str) -> Path:
    for seed, name in enumerate(("scans/a.png", "scans/b.png")):
        save(home / name, speckle(seed))
    for name in ("masks/a1.png", "masks/a2.png"):
        save(home / name, box())
    (home / "cases.csv").write_text("\n".join(lines), encoding="utf-8")
    return home


def test_required_columns_are_enough(tmp_path: Path) -> None:
    _write(tmp_path, "image,masks,label", "scans/a.png,masks/a1.png; masks/a2.png,Malignant", "scans/b.png,,")
    listing = TABLE.find_cases(tmp_path)
    first, second = listing.cases
    assert listing.problems == ()
    assert (first.case_id, first.label, first.dataset) == ("a", "malignant", "table")
    assert first.masks == tuple((tmp_path / name).as_posix() for name in ("masks/a1.png", "masks/a2.png"))
    assert (second.case_id, second.label, second.masks, second.patient) == ("b", "unknown", (), None)


def test_optional_columns_are_read(tmp_path: Path) -> None:
    header = "case_id,dataset,patient,device,birads,image,masks,label"
    (case,) = TABLE.find_cases(_write(tmp_path, header, "id7,mine,p3,Philips,4a,scans/a.png,,normal")).cases
    assert (case.case_id, case.dataset, case.patient, case.device, case.birads) == (
        "id7",
        "mine",
        "p3",
        "Philips",
        "4a",
    )


def test_each_fault_is_named_with_its_line(tmp_path: Path) -> None:
    listing = TABLE.find_cases(
        _write(
            tmp_path,
            "image,masks,label",
            "scans/a.png,masks/a1.png,benign",
            "scans/none.png,masks/none.png,odd",
            ",masks/a1.png,benign",
            "../b.png,,normal",
            "/b.png,,normal",
        )
    )
    assert [case.case_id for case in listing.cases] == ["a"]
    told = "\n".join(map(str, listing.problems))
    for text in (
        "scans/none.png: is missing",
        "masks/none.png: is missing",
        "cases.csv:3: has the unknown label 'odd'",
        "cases.csv:4: has masks without an image",
        "cases.csv:5: names",
        "cases.csv:6: names /b.png, outside its folder",
    ):
        assert text in told
    assert len(listing.problems) == 6


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match=r"lacks the column masks(.|\n)*lacks the column label|label(.|\n)*masks"):
        TABLE.find_cases(_write(tmp_path, "image,patient", "scans/a.png,1"))


def test_lines_with_a_wrong_number_of_cells_are_named_beside_the_others(tmp_path: Path) -> None:
    header, many = "image,masks,label", "scans/a.png,masks/a1.png,masks/a2.png,benign"
    listing = TABLE.find_cases(_write(tmp_path, header, many, "scans/a.png", "scans/b.png,,odd", "scans/b.png,,"))
    assert [case.case_id for case in listing.cases] == ["b"]
    assert [problem.what for problem in listing.problems] == [
        "has more cells than columns",
        "has fewer cells than columns",
        "has the unknown label 'odd'",
    ]


def test_line_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    lines = ("image,masks,label,patient", "", 'scans/a.png,,,"two', 'lines"', "", "scans/b.png,,odd,")
    (problem,) = TABLE.find_cases(_write(tmp_path, *lines)).problems
    assert problem.path == (tmp_path / "cases.csv:6").as_posix()


def test_an_absolute_path_into_the_folder_is_called_so(tmp_path: Path) -> None:
    inside = (tmp_path / "scans" / "a.png").as_posix()
    (problem,) = TABLE.find_cases(_write(tmp_path, "image,masks,label", f"{inside},,normal")).problems
    assert problem.what == f"names {inside}, an absolute path"
    assert problem.mend == "Write it relative to the CSV"


def test_a_table_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_bytes(b"\xff\xfe\x00image")
    with pytest.raises(ProblemsError, match="cannot be read"):
        TABLE.find_cases(tmp_path)
