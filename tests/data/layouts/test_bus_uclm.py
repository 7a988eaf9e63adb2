"""BUS-UCLM: coloured masks, labels from a semicolon CSV with a byte order mark, patients from the file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.data.layouts import layout
from tests.data.samples import box, save, speckle

if TYPE_CHECKING:
    from pathlib import Path

BUS_UCLM = layout("bus_uclm")


def _write(home: Path, table: str) -> Path:
    for seed, stem in enumerate(("ABCD_000", "ABCD_001", "WXYZ_000")):
        save(home / "images" / f"{stem}.png", speckle(seed))
        save(home / "masks" / f"{stem}.png", box())
    (home / "INFO.csv").write_text(table, encoding="utf-8-sig")
    return home


def test_patient_and_label(tmp_path: Path) -> None:
    table = "Image;Label\nABCD_000.png;Malignant\nABCD_001.png;Normal\nWXYZ_000.png;Benign\n"
    listing = BUS_UCLM.find_cases(_write(tmp_path, table))
    assert listing.problems == ()
    assert [(case.case_id, case.patient, case.label) for case in listing.cases] == [
        ("ABCD_000", "ABCD", "malignant"),
        ("ABCD_001", "ABCD", "normal"),
        ("WXYZ_000", "WXYZ", "benign"),
    ]


def test_unknown_label_and_missing_line_are_named(tmp_path: Path) -> None:
    listing = BUS_UCLM.find_cases(_write(tmp_path, "Image;Label\nABCD_000.png;Odd\nABCD_001.png;Normal\n"))
    assert [case.case_id for case in listing.cases] == ["ABCD_001"]
    told = "\n".join(map(str, listing.problems))
    assert "ABCD_000.png: has the unknown label 'Odd'" in told
    assert "WXYZ_000.png: has no line in INFO.csv" in told


def test_green_and_red_are_lesions() -> None:
    pixels = np.zeros((40, 48, 3), dtype=np.uint8)
    pixels[5, 5, 1] = 255
    pixels[9, 9, 0] = 255
    assert np.argwhere(BUS_UCLM.read_mask(pixels).lesion).tolist() == [[5, 5], [9, 9]]


def test_all_masks_of_an_image_belong_to_it(tmp_path: Path) -> None:
    _write(tmp_path, "Image;Label\nABCD_000.png;Benign\nABCD_001.png;Benign\nWXYZ_000.png;Benign\n")
    save(tmp_path / "masks" / "ABCD_000.bmp", box())
    masks = {case.case_id: len(case.masks) for case in BUS_UCLM.find_cases(tmp_path).cases}
    assert masks == {"ABCD_000": 2, "ABCD_001": 1, "WXYZ_000": 1}


def test_commas_are_read_too(tmp_path: Path) -> None:
    table = "Image,Resolution,Label\nABCD_000.png,1,Benign\nABCD_001.png,1,Benign\nWXYZ_000.png,1,Benign\n"
    listing = BUS_UCLM.find_cases(_write(tmp_path, table))
    assert (len(listing.cases), listing.problems) == (3, ())


def test_images_in_a_folder_within_are_named(tmp_path: Path) -> None:
    _write(tmp_path, "Image;Label\nABCD_000.png;Benign\nABCD_001.png;Benign\nWXYZ_000.png;Benign\n")
    save(tmp_path / "images" / "more" / "deep" / "x.png", speckle(0))
    (problem,) = BUS_UCLM.find_cases(tmp_path).problems
    assert problem.path == (tmp_path / "images" / "more" / "deep").as_posix()
