"""CSV files that people edit: what is read whichever program saved it, and what each fault is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.data.csv_tables.header import Columns
from breastseg.data.csv_tables.table import CsvTable, read_csv, read_valid_csv
from breastseg.errors import ProblemsError

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = Columns(("image", "masks"), ("patient", "device"), list_column="masks")
HEADER = "image,masks,patient"
ROWS = ["a.png,m.png,p1", "b.png,,p2"]
CELLS = [
    {"image": "a.png", "masks": "m.png", "patient": "p1"},
    {"image": "b.png", "masks": "", "patient": "p2"},
]


def _write(folder: Path, *lines: str, end: str = "\n") -> Path:
    path = folder / "t.csv"
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def _read(folder: Path, *lines: str, end: str = "\n") -> CsvTable:
    return read_csv(_write(folder, *lines, end=end), COLUMNS)


def _faults(folder: Path, *lines: str) -> list[tuple[str, str]]:
    """The line and the text of each fault below a good header."""
    table = _read(folder, HEADER, *lines)
    assert table.problems == ()
    return [(problem.path.rpartition(":")[2], str(problem)) for problem in table.faults]


def _refusal(folder: Path, *lines: str) -> list[str]:
    """Each problem of a file with a header at fault, without the folder."""
    with pytest.raises(ProblemsError) as error:
        read_valid_csv(_write(folder, *lines), COLUMNS)
    return [str(problem).replace(f"{folder.as_posix()}/", "") for problem in error.value.problems]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_ends_of_lines(tmp_path: Path, separator: str, end: str) -> None:
    table = _read(tmp_path, *(line.replace(",", separator) for line in (HEADER, *ROWS)), end=end)
    assert [line.cells for line in table.lines] == CELLS
    assert (table.separator, table.problems, table.faults) == (separator, (), ())


@pytest.mark.parametrize(
    "lines",
    [
        ["sep=,", HEADER, *ROWS],
        ['"SEP=;"', HEADER.replace(",", ";"), *(row.replace(",", ";") for row in ROWS)],
        ["sep=\t", HEADER.replace(",", "\t"), *(row.replace(",", "\t") for row in ROWS)],
        ["sep=|", HEADER.replace(",", "|"), *(row.replace(",", "|") for row in ROWS)],
        ["", "  ", HEADER, "", *ROWS, ",,", " , ,", "\t"],
        [f"\ufeff{HEADER}", *ROWS],
        [f"{HEADER},,", *(f"{row},," for row in ROWS)],
        [f"{HEADER},,", *ROWS],
        ["IMAGE, Masks ,\u00a0patient", " a.png ,\u00a0m.png,p1", 'b.png, "" , "p2" '],
        ['"image","masks","patient"', '"a.png","m.png","p1"', "b.png,,p2"],
        [f"x_,{HEADER},X_a,X_A,x_b;c", *(f"1,{row},2,3,4" for row in ROWS)],
    ],
)
def test_what_makes_no_difference(tmp_path: Path, lines: list[str]) -> None:
    table = _read(tmp_path, *lines)
    assert [line.cells for line in table.lines] == CELLS
    assert (table.problems, table.faults) == ((), ())


def test_quotes_hold_separators_and_doubled_quotes(tmp_path: Path) -> None:
    table = _read(tmp_path, f"{HEADER},device", 'a.png,"m;n, o","p ""1""","5"" probe"')
    assert table.lines[0].cells == {"image": "a.png", "masks": "m;n, o", "patient": 'p "1"', "device": '5" probe'}


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ('a.png,5" m,p1', "has a quote inside a cell"),
        ('a.png,,p1"', "has a quote inside a cell"),
        ('a.png,"m"n,p1', "has a quote inside a cell"),
        ('a.png,"5" m",p1', "has a quote inside a cell"),
        ('a.png,"m,p1', "has a quote that is not closed"),
        ('a.png,, "p1', "has a quote that is not closed"),
        ('a.png,,"p1""', "has a quote that is not closed"),
        ('"a.png,,p1', "has a quote that is not closed"),
        ("a.png,", "has fewer cells than columns. Complete the line"),
        ("a.png,,p1,", "has more cells than columns. Quote the cells that hold ','"),
        ("a.png;;p1", "has fewer cells than columns. Separate it by ',', as the columns are, not by ';'"),
        ("a.png,,p\u200b1", "has the invisible character U+200B"),
        ("\ufeffa.png,,p1", "has the invisible character U+FEFF"),
        ("a.png,,p\x0b1", "has the invisible character U+000B"),
        ("a.png,,p\u20281", "has the invisible character U+2028"),
    ],
)
def test_a_fault_costs_its_own_line_only(tmp_path: Path, row: str, what: str) -> None:
    table = _read(tmp_path, HEADER, ROWS[0], row, ROWS[1], *ROWS)
    assert [line.cells for line in table.lines if not line.fault] == [*CELLS, *CELLS]
    (fault,) = table.faults
    assert fault.path.endswith("t.csv:3")
    assert what in str(fault)


def test_two_stray_quotes_take_nothing_between_them(tmp_path: Path) -> None:
    assert [line for line, _ in _faults(tmp_path, 'a.png,"m,p1', *ROWS, 'b.png,"n,p2', *ROWS)] == ["2", "5"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_slip_of_one_key_loses_a_row_silently(tmp_path: Path, separator: str) -> None:
    lines = ["image,masks,patient", 'a.png,"m,n",p1', "b.png,,p2", 'c.png,"m ""3""",p3', "d.png,m,p4"]
    text = "\n".join(lines).replace(",", separator)
    rows = [line.cells for line in _read(tmp_path, text).lines]
    below = range(len(lines[0]) + 1, len(text))
    slips = [text[:at] + mark + text[at:] for at in below for mark in f'"{separator}']
    slips += [text[:at] + text[at + 1 :] for at in below if text[at] in f'"{separator}\n']
    silent = []
    for slip in slips:
        table = _read(tmp_path, slip)
        # within quotes, text may differ; no row and no other cell does
        same = [{**row, "masks": ""} for row in rows] == [{**line.cells, "masks": ""} for line in table.lines]
        if not (table.faults or table.problems or same):
            silent.append(slip)
    assert silent == []


def test_a_cell_of_several_lines_is_one_fault(tmp_path: Path) -> None:
    faults = _faults(tmp_path, 'a.png,,"one', "", "two, three", 'four"', 'b.png,"m', "x")
    assert [line for line, _ in faults] == ["2", "6", "7"]
    assert "has a line break in a quoted cell, which ends on line 5" in faults[0][1]


def test_persian_joiners_are_text(tmp_path: Path) -> None:
    assert _faults(tmp_path, "a.png,,می\u200cشود") == []


@pytest.mark.parametrize(
    ("header", "problems"),
    [
        (
            "image,mask,patient",
            ["t.csv:1: has the unknown column 'mask' and lacks the column masks. Did you mean masks? Rename it"],
        ),
        ("image,masks,pat", ["t.csv:1: has the unknown column 'pat'. Did you mean patient?"]),
        ("image,masks,Patient_ID", ["t.csv:1: has the unknown column 'Patient_ID'. Did you mean patient?"]),
        (
            "image,masks,patient,patient_id",
            ["t.csv:1: has the unknown column 'patient_id' beside patient. Remove it, or start its name with x_"],
        ),
        ("image,masks,operator", ["t.csv:1: has the unknown column 'operator'. The columns are image, masks, patient"]),
        ("image,masks,patient, PATIENT ", ["t.csv:1: has the column patient more than once"]),
        ("image,patient", ["t.csv:1: lacks the column masks. Add it"]),
        ("x_image,masks", ["t.csv:1: lacks the column image, but has 'x_image'. Did you mean image?"]),
        ("images,mask", ["'images' and lacks the column image", "'mask' and lacks the column masks"]),
        ("image|masks|patient", ["t.csv:1: is separated by '|'. Separate all cells by ','"]),
        ("image:masks:patient", ["t.csv:1: is separated by ':'"]),
        ("image masks patient", ["t.csv:1: is separated by a space"]),
        ("image,masks;patient", ["t.csv:1: is separated by ',' as well as by ';'"]),
        ("image,device,masks;patient", ["'masks;patient': several, separated by ';'"]),
        ("image;masks;patient,device", ["'patient,device': several, separated by ','"]),
        ('"image,masks,patient"', ["'image,masks,patient': several, separated by ','"]),
        ("a.png,m.png,p1", ["t.csv:1: names none of the columns (found 'a.png', 'm.png', 'p1')"]),
        ("images/a.png,masks/a.png,p1", ["t.csv:1: names none of the columns"]),
        ('image,"masks,patient', ["t.csv:1: has a quote that is not closed"]),
        ("image,ma\u200bsks", ["t.csv:1: has the invisible character U+200B"]),
        ("sep=;\nimage,masks", ["t.csv:2: is separated by ',', but a line above declares ';'"]),
        ("sep=\nimage,masks", ["t.csv:1: names none of the columns (found 'sep=')"]),
        ("", ["t.csv: is empty. The first line names the columns: image, masks"]),
        ("\ufeff", ["t.csv: is empty"]),
        ("sep=;", ["t.csv: is empty"]),
    ],
)
def test_a_header_at_fault(tmp_path: Path, header: str, problems: list[str]) -> None:
    found = _refusal(tmp_path, header)
    assert len(found) == len(problems)
    assert all(text in problem for text, problem in zip(problems, found, strict=True))


def test_text_below_no_name_is_never_ignored(tmp_path: Path) -> None:
    (problem,) = _refusal(tmp_path, f",{HEADER}", *(f"{index},{row}" for index, row in enumerate(ROWS)))
    assert "t.csv:1: has no name for column 1, which holds '0' on line 2 and 1 other line" in problem


def test_the_header_and_the_lines_are_reported_together(tmp_path: Path) -> None:
    problems = _refusal(tmp_path, "image,mask,patient,Image", "a.png", 'a.png,"m,p1,', *ROWS)
    assert [problem.partition(": ")[0] for problem in problems] == [
        "t.csv:1",
        "t.csv:1",
        "t.csv:2",
        "t.csv:3",
        "t.csv:4",
        "t.csv:5",
    ]


def test_a_list_without_quotes_says_which_column_to_quote(tmp_path: Path) -> None:
    (fault,) = _read(tmp_path, "image;masks", "a.png;m.png;n.png").faults
    assert 'has more cells than columns. Quote masks: "a.png;b.png"' in str(fault)


def test_a_published_file_may_have_any_other_column_but_lacks_none(tmp_path: Path) -> None:
    published = Columns(("ID", "Case"), allow_others=True)
    path = _write(tmp_path, ",id,Case,Note,Note,", "0,a,1,x,y,z")
    assert read_valid_csv(path, published).lines[0].cells == {"ID": "a", "Case": "1"}
    with pytest.raises(ProblemsError, match=r"lacks the column Case, but has 'Cases'\. Did you mean Case\?"):
        read_valid_csv(_write(tmp_path, "ID,Cases", "a,1"), published)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (HEADER.encode("utf-16"), "t.csv: cannot be read: it is UTF-16"),
        (HEADER.encode("utf-16-be"), "t.csv:1: cannot be read: it has NUL bytes"),
        (b"image,masks\r\na.png,\0\r\n", "t.csv:2: cannot be read: it has NUL bytes"),
        (b"\xef\xbb\xbfimage,masks\r\n\r\na.png,M\xfcller\r\n", "t.csv:3: cannot be read: the byte 0xfc is not UTF-8"),
        (b"PK\x03\x04\x14\x00", "t.csv: cannot be read: it is an Excel workbook"),
    ],
)
def test_a_file_in_another_format_is_named(tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(ProblemsError) as error:
        read_csv(tmp_path / "t.csv", COLUMNS)
    assert what in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match="cannot be read: No such file"):
        read_csv(tmp_path / "t.csv", COLUMNS)
