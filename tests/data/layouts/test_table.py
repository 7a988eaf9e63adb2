"""Anybody's own folder: what a cases.csv says, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from breastseg.data.layouts import layout
from breastseg.errors import ProblemsError
from tests.data.samples import box, save, speckle

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
    first, second = TABLE.find_cases(_write(tmp_path, *lines)).problems
    assert (Path(first.path).name, first.what) == (
        "cases.csv:3",
        "has a line break in a quoted cell, which ends on line 4",
    )
    assert (Path(second.path).name, second.what) == ("cases.csv:6", "has the unknown label 'odd'")


def test_an_absolute_path_into_the_folder_is_called_so(tmp_path: Path) -> None:
    inside = (tmp_path / "scans" / "a.png").as_posix()
    (problem,) = TABLE.find_cases(_write(tmp_path, "image,masks,label", f"{inside},,normal")).problems
    assert problem.what == f"names {inside}, an absolute path"
    assert problem.mend == "Write it relative to the CSV"


def test_a_table_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_bytes(b"\xff\xfe\x00image")
    with pytest.raises(ProblemsError, match="cannot be read"):
        TABLE.find_cases(tmp_path)


HEADER = "image,masks,label,patient"
ROW = "scans/a.png,masks/a1.png,benign,p1"


def _fails(home: Path, *lines: str) -> list[str]:
    """The problems of a file whose header is at fault."""
    with pytest.raises(ProblemsError) as error:
        TABLE.find_cases(_write(home, *lines))
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("name", ["patient_id", "Patient ID", "PatientID", "patients", "pateint", "patient_identifier"])
def test_a_misspelt_optional_column_names_the_nearest_known_one(tmp_path: Path, name: str) -> None:
    (problem,) = _fails(tmp_path, f"image,masks,label,{name}", ROW)
    assert f"cases.csv:1: has the unknown column {name!r}" in problem
    assert "Did you mean patient?" in problem


@pytest.mark.parametrize("header", ["Image,MASKS,Label,Patient", " image , masks,label\t, patient ", f"\ufeff{HEADER}"])
def test_case_and_outer_blanks_of_headers_do_not_count(tmp_path: Path, header: str) -> None:
    (case,) = TABLE.find_cases(_write(tmp_path, header, ROW)).cases
    assert case.patient == "p1"


def test_columns_that_start_with_x_are_ignored(tmp_path: Path) -> None:
    listing = TABLE.find_cases(_write(tmp_path, f"X_note,{HEADER},x_a;b,x_a", f"hello,{ROW},1,2"))
    assert listing.problems == ()
    assert listing.cases[0].patient == "p1"


def test_one_stray_quote_takes_no_other_line_with_it(tmp_path: Path) -> None:
    lines = [f"scans/{name}.png,,normal,p1" for name in "abab"]
    listing = TABLE.find_cases(_write(tmp_path, HEADER, lines[0], 'scans/a.png,"masks/a1.png,benign,p1', *lines))
    assert len(listing.cases) == 5
    (problem,) = [problem for problem in listing.problems if ":" in Path(problem.path).name]
    assert str(problem).startswith((tmp_path / "cases.csv:3").as_posix())
    assert "quote" in problem.what


@pytest.mark.parametrize("column", ["case_id", "dataset", "patient", "device", "birads"])
def test_masks_without_quotes_that_shift_the_cells_are_found(tmp_path: Path, column: str) -> None:
    rows = (f"image;label;masks;{column}", "scans/a.png;benign;masks/a1.png;masks/a2.png", "scans/b.png;normal;;")
    listing = TABLE.find_cases(_write(tmp_path, *rows))
    assert [case.case_id for case in listing.cases] == ["b"]
    (problem,) = listing.problems
    assert (problem.what, problem.mend) == (
        f"has the image file 'masks/a2.png' as its {column}",
        "Quote masks that hold ';'",
    )


def test_masks_without_quotes_that_shift_into_an_ignored_column_are_found(tmp_path: Path) -> None:
    rows = ("image;label;masks;x_note", "scans/a.png;benign;masks/a1.png;masks/a2.png", "scans/b.png;normal;;old")
    (problem,) = TABLE.find_cases(_write(tmp_path, *rows)).problems
    assert problem.path.endswith("cases.csv:2")
    assert problem.what == "has the image file 'masks/a2.png' in the column x_note, which is ignored"
    assert "Quote masks" in problem.mend


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_column_of_the_users_own_may_hold_images(tmp_path: Path, separator: str) -> None:
    rows = ("image,label,masks,x_overlay", "scans/a.png,benign,masks/a1.png,a.jpg", "scans/b.png,normal,,b.jpg")
    listing = TABLE.find_cases(_write(tmp_path, *[row.replace(",", separator) for row in rows]))
    assert (len(listing.cases), listing.problems) == (2, ())


def test_the_file_name_of_an_image_is_a_fine_case_id(tmp_path: Path) -> None:
    (case,) = TABLE.find_cases(_write(tmp_path, "image;label;masks;case_id", "scans/a.png;normal;;a.png")).cases
    assert case.case_id == "a.png"


@pytest.mark.parametrize("marker", ["NA", "nan", "#N/A", "None", "-", "Unknown"])
def test_markers_of_missing_values_are_not_one_patient(tmp_path: Path, marker: str) -> None:
    listing = TABLE.find_cases(_write(tmp_path, HEADER, f"scans/a.png,,normal,{marker}", "scans/b.png,,normal,"))
    assert [case.case_id for case in listing.cases] == ["b"]
    assert [str(problem) for problem in listing.problems] == [
        f"{(tmp_path / 'cases.csv').as_posix()}:2: has the patient '{marker}'. Leave the cell empty if it is unknown"
    ]


def test_an_image_on_two_lines_is_a_problem(tmp_path: Path) -> None:
    rows = ("image,masks,label,case_id", "scans/a.png,masks/a1.png,benign,1", "scans/a.png,masks/a2.png,benign,2")
    (problem,) = TABLE.find_cases(_write(tmp_path, *rows)).problems
    assert problem.path == (tmp_path / "scans/a.png").as_posix()
    assert problem.what.startswith("is the image of 2 lines of ")
    assert problem.mend == "List all masks of an image on one line"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_read(tmp_path: Path, separator: str) -> None:
    lines = [line.replace(",", separator) for line in (HEADER, ROW, "scans/b.png,,normal,p2")]
    listing = TABLE.find_cases(_write(tmp_path, *lines))
    assert [(case.case_id, case.patient, len(case.masks)) for case in listing.cases] == [("a", "p1", 1), ("b", "p2", 0)]
    assert listing.problems == ()


def test_a_separator_that_is_declared_is_read(tmp_path: Path) -> None:
    listing = TABLE.find_cases(_write(tmp_path, "sep=;", HEADER.replace(",", ";"), ROW.replace(",", ";"), "x"))
    assert [case.patient for case in listing.cases] == ["p1"]
    assert [Path(problem.path).name for problem in listing.problems] == ["cases.csv:4"]


def test_masks_without_quotes_in_a_file_of_semicolons_are_refused(tmp_path: Path) -> None:
    header, two = HEADER.replace(",", ";"), "scans/a.png;masks/a1.png;masks/a2.png;benign;p1"
    quoted = 'scans/b.png;"masks/a1.png;masks/a2.png";benign;p1'
    listing = TABLE.find_cases(_write(tmp_path, header, two, quoted))
    assert [len(case.masks) for case in listing.cases] == [2]
    (problem,) = listing.problems
    assert (Path(problem.path).name, problem.what) == ("cases.csv:2", "has more cells than columns")
    assert 'Quote masks: "a.png;b.png"' in problem.mend


def test_masks_without_quotes_that_shift_into_other_columns_are_refused(tmp_path: Path) -> None:
    # the last, empty cell was left away: the number of cells fits
    lines = ("image;label;masks;patient;device", "scans/a.png;benign;masks/a1.png;masks/a2.png;p1")
    listing = TABLE.find_cases(_write(tmp_path, *lines))
    assert listing.cases == ()
    assert [problem.what for problem in listing.problems] == ["has the image file 'masks/a2.png' as its patient"]


def test_all_that_is_wrong_is_reported_at_once(tmp_path: Path) -> None:
    problems = "\n".join(
        _fails(
            tmp_path,
            "image,masks,label,patient_id,Label",
            "scans/none.png,,normal,p1,",
            "scans/a.png,,odd,p1,",
            "scans/a.png",
            'scans/a.png,"masks/a1.png,benign,p1',
        )
    )
    for text in (
        "cases.csv:1: has the unknown column 'patient_id'",
        "cases.csv:1: has the column label more than once",
        "scans/none.png: is missing",
        "cases.csv:3: has the unknown label 'odd'",
        "cases.csv:4: has fewer cells",
        "cases.csv:5: has a quote",
    ):
        assert text in problems
