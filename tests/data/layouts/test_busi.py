"""BUSI: several mask files are one lesion map, and no mask is ever an image."""

from __future__ import annotations

from pathlib import Path

from breastseg.data.layouts import layout
from tests.data.samples import box, save, speckle, write_busi

BUSI = layout("busi")


def test_images_are_cases_and_masks_are_not(tmp_path: Path) -> None:
    listing = BUSI.find_cases(write_busi(tmp_path / "mine"))
    assert listing.problems == ()
    assert [(case.case_id, case.label) for case in listing.cases] == [
        ("benign (0)", "benign"),
        ("benign (1)", "benign"),
        ("benign (2)", "benign"),
        ("malignant (0)", "malignant"),
        ("malignant (1)", "malignant"),
        ("normal (0)", "normal"),
    ]
    assert {case.dataset for case in listing.cases} == {"mine"}


def test_all_masks_of_an_image_belong_to_it_and_to_no_namesake(tmp_path: Path) -> None:
    root = write_busi(tmp_path, benign=12)
    save(root / "benign" / "benign (1)_mask_1.png", box())
    save(root / "benign" / "benign (1)_mask_2.png", box())
    masks = {case.case_id: [Path(mask).name for mask in case.masks] for case in BUSI.find_cases(root).cases}
    assert masks["benign (1)"] == ["benign (1)_mask.png", "benign (1)_mask_1.png", "benign (1)_mask_2.png"]
    assert masks["benign (10)"] == ["benign (10)_mask.png"]


def test_published_folder_is_found_from_its_parent_and_called_busi(tmp_path: Path) -> None:
    home = write_busi(tmp_path / "Dataset_BUSI_with_GT")
    assert BUSI.find_cases(tmp_path) == BUSI.find_cases(home)
    assert {case.dataset for case in BUSI.find_cases(tmp_path).cases} == {"busi"}


def test_each_fault_is_named(tmp_path: Path) -> None:
    root = write_busi(tmp_path)
    bare = save(root / "benign" / "bare.png", speckle(1))
    orphan = save(root / "normal" / "gone_mask.png", box())
    stranger = root / "benign" / "notes.docx"
    stranger.write_text("no image", encoding="utf-8")
    save(root / "benigne" / "x.png", speckle(2))
    found = {problem.path: problem.what for problem in BUSI.find_cases(root).problems}
    assert found == {
        bare.as_posix(): "is an image without a mask",
        orphan.as_posix(): "is a mask without an image",
        stranger.as_posix(): "is no image file by its ending",
        (root / "benigne").as_posix(): "holds images of an unknown label",
    }


def test_hidden_and_desktop_files_are_no_fault(tmp_path: Path) -> None:
    root = write_busi(tmp_path)
    for name in (".DS_Store", "._benign (0).png", "Thumbs.db"):
        (root / "benign" / name).write_bytes(b"x")
    listing = BUSI.find_cases(root)
    assert listing.problems == ()
    assert len(listing.cases) == 6


def test_endings_may_be_written_large(tmp_path: Path) -> None:
    save(tmp_path / "benign" / "a.PNG", speckle(0))
    save(tmp_path / "benign" / "a_mask.PNG", box())
    assert [case.case_id for case in BUSI.find_cases(tmp_path).cases] == ["a"]


def test_no_image_is_passed_over_wherever_it_lies(tmp_path: Path) -> None:
    root = write_busi(tmp_path)
    (root / "README.txt").write_text("no image", encoding="utf-8")
    save(root / ".cache" / "x.png", speckle(0))
    loose = save(root / "loose.png", speckle(1))
    below = save(root / "benign" / "more" / "x.png", speckle(2)).parent
    deep = save(root / "unclear" / "a" / "b" / "x.png", speckle(3)).parent
    found = {problem.path: problem.what for problem in BUSI.find_cases(root).problems}
    assert found == {
        loose.as_posix(): "is an image outside the folders of the labels",
        below.as_posix(): "holds images in a folder within an image folder",
        deep.as_posix(): "holds images of an unknown label",
    }
