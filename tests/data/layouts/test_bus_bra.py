"""BUS-BRA: the CSV tells patient, label, BI-RADS and device of every image."""

from __future__ import annotations

from pathlib import Path

import pytest

from breastseg.data.layouts import layout
from breastseg.errors import ProblemsError
from tests.data.samples import box, save, speckle

BUS_BRA = layout("bus_bra")
HEADER = "ID,Case,Histology,Pathology,BIRADS,Device"


def _write(home: Path, stems: list[str], lines: list[str]) -> Path:
    for seed, stem in enumerate(stems):
        save(home / "Images" / f"bus_{stem}.png", speckle(seed))
        save(home / "Masks" / f"mask_{stem}.png", box())
    (home / "bus_data.csv").write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    return home


def test_line_describes_its_image(tmp_path: Path) -> None:
    _write(tmp_path / "BUSBRA", ["0020-l"], ["bus_0020-l,20,cyst,benign,4,GE Logiq 7 @10-14MHz"])
    listing = BUS_BRA.find_cases(tmp_path)
    (case,) = listing.cases
    assert listing.problems == ()
    assert (case.case_id, case.dataset, case.patient, case.label) == ("bus_0020-l", "bus_bra", "20", "benign")
    assert (case.device, case.birads) == ("GE Logiq 7 @10-14MHz", "4")
    assert [Path(mask).name for mask in case.masks] == ["mask_0020-l.png"]


def test_each_fault_is_named(tmp_path: Path) -> None:
    lines = ["bus_1,1,,benign,2,A", "bus_2,2,,odd,2,A", "bus_4,4,,benign,2,A", "bus_5,5,,benign,2,A", "bus_5,5,,,,"]
    _write(tmp_path, ["1", "2", "3", "5"], lines)
    save(tmp_path / "Images" / "bus_6.png", speckle(6))
    save(tmp_path / "Masks" / "mask_7.png", box())
    listing = BUS_BRA.find_cases(tmp_path)
    assert [case.case_id for case in listing.cases] == ["bus_1"]
    told = "\n".join(map(str, listing.problems))
    for text in (
        "bus_2.png: has the unknown label 'odd'",
        "bus_3.png: has no line in bus_data.csv",
        "speaks of bus_4, which has no image",
        "speaks of bus_5 more than once",
        "bus_6.png: is an image without a mask",
        "mask_7.png: is a mask without an image",
    ):
        assert text in told


def test_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "bus_data.csv").write_text("ID,Case,Pathology,BIRADS\n", encoding="utf-8")
    with pytest.raises(ProblemsError, match="lacks the column Device"):
        BUS_BRA.find_cases(tmp_path)


def test_all_masks_of_an_image_belong_to_it(tmp_path: Path) -> None:
    _write(tmp_path, ["1"], ["bus_1,1,,benign,2,A"])
    save(tmp_path / "Masks" / "mask_1.tif", box())
    (case,) = BUS_BRA.find_cases(tmp_path).cases
    assert [Path(mask).name for mask in case.masks] == ["mask_1.png", "mask_1.tif"]


def test_a_line_with_a_wrong_number_of_cells_is_left_out_and_named(tmp_path: Path) -> None:
    _write(tmp_path, ["1", "2", "3"], ["bus_1,1,,benign,2,A", "bus_2,2", "bus_3,3,,benign,2,A,B"])
    listing = BUS_BRA.find_cases(tmp_path)
    assert [case.case_id for case in listing.cases] == ["bus_1"]
    assert [(Path(problem.path).name, problem.what) for problem in listing.problems] == [
        ("bus_data.csv:3", "has fewer cells than columns"),
        ("bus_data.csv:4", "has more cells than columns"),
    ]


@pytest.mark.parametrize("name", ["case_id", "Cases", "patient case"])
def test_a_misspelt_patient_column_is_never_lost(tmp_path: Path, name: str) -> None:
    (tmp_path / "bus_data.csv").write_text(HEADER.replace("Case", name) + "\nbus_1,1,,benign,2,A\n", encoding="utf-8")
    with pytest.raises(ProblemsError) as error:
        BUS_BRA.find_cases(tmp_path)
    (problem,) = error.value.problems
    assert problem.what == f"lacks the column Case, but has {name!r}"


def test_an_image_without_a_patient_is_named(tmp_path: Path) -> None:
    _write(tmp_path, ["1", "2"], ["bus_1,,,benign,2,A", "bus_2,2,,benign,2,A"])
    listing = BUS_BRA.find_cases(tmp_path)
    assert [case.patient for case in listing.cases] == ["2"]
    assert [problem.what for problem in listing.problems] == ["has no patient in the column Case"]


def test_one_stray_quote_takes_no_other_line_with_it(tmp_path: Path) -> None:
    lines = [f"bus_{index},{index},,benign,2,A" for index in "1234"]
    lines[1] = 'bus_2,2,"cyst,benign,2,A'
    listing = BUS_BRA.find_cases(_write(tmp_path, ["1", "2", "3", "4"], lines))
    assert [case.case_id for case in listing.cases] == ["bus_1", "bus_3", "bus_4"]
    assert [Path(problem.path).name for problem in listing.problems] == ["bus_data.csv:3"]


def test_other_columns_are_allowed_and_the_separator_may_differ(tmp_path: Path) -> None:
    _write(tmp_path, ["1"], [])
    text = "id;case;Pathology;BIRADS;Device;BBOX;;BBOX\nbus_1;7;benign;2;A;[1,2];x;y\n"
    (tmp_path / "bus_data.csv").write_text(text, encoding="utf-8")
    (case,) = BUS_BRA.find_cases(tmp_path).cases
    assert case.patient == "7"
