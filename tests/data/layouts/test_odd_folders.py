"""Every layout reports what a file system can hide: links, pipes, and names that are equal or cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from breastseg.data.layouts import layout as layout_of
from breastseg.errors import Problem, ProblemsError
from tests.data.layouts.odd_folders import (
    COMPOSED,
    DECOMPOSED,
    PLACES,
    write_image,
    write_mask,
    write_table,
)
from tests.data.samples import box, case_ids_and_dropped, save, speckle, write_busi

if TYPE_CHECKING:
    from breastseg.params.data import Layout

every_layout = pytest.mark.parametrize("layout", PLACES)
with_folders = pytest.mark.parametrize("layout", [name for name in PLACES if name != "table"])


def _problems(root: Path, layout: Layout) -> dict[str, str]:
    found: tuple[Problem, ...]
    try:
        found = layout_of(layout).find_cases(root).problems
    except ProblemsError as error:
        found = error.problems
    return {os.path.relpath(problem.path, root): problem.what for problem in found}


@every_layout
def test_links_that_lead_nowhere_and_pipes_cost_their_cases(tmp_path: Path, layout: Layout) -> None:
    root, places = tmp_path / "raw", PLACES[layout]
    names = ["good", "image", "mask", "second", "pipe", "circle"]
    for seed, name in enumerate(names):
        write_image(root, layout, name, seed)
        write_mask(root, layout, name)
    write_table(root, layout, names, second="second")
    for gone, place in (
        ("image", places.image),
        ("mask", places.mask),
        ("pipe", places.image),
        ("circle", places.mask),
    ):
        (root / place.format(gone)).unlink()
    nowhere = [root / places.image.format("image"), root / places.mask.format("mask")]
    if places.second:
        nowhere.append(root / places.second.format("second"))
    for path in nowhere:
        path.symlink_to("gone.png")
    os.mkfifo(root / places.image.format("pipe"))
    circle = root / places.mask.format("circle")
    circle.symlink_to(circle.name)

    case_ids, dropped = case_ids_and_dropped(root, tmp_path / "out", layout)

    spared = [] if places.second else ["second"]
    assert case_ids == sorted(places.case_id.format(name) for name in ("good", *spared))
    told = {path.relative_to(root).as_posix(): "leads nowhere" for path in nowhere}
    told |= {places.image.format("pipe"): "named pipe", places.mask.format("circle"): "leads back to itself"}
    assert dropped.keys() == told.keys()
    for offender, text in told.items():
        assert text in dropped[offender]


@every_layout
def test_names_of_one_text_in_two_forms_belong_together(tmp_path: Path, layout: Layout) -> None:
    root, places = tmp_path / "raw", PLACES[layout]
    image = write_image(root, layout, DECOMPOSED)
    mask = write_mask(root, layout, COMPOSED)
    write_table(root, layout, [COMPOSED])
    (case,) = layout_of(layout).find_cases(root).cases
    assert case.case_id == places.case_id.format(COMPOSED)
    assert (case.image, case.masks) == (image.as_posix(), (mask.as_posix(),))
    assert _problems(root, layout) == {}


@every_layout
def test_two_masks_whose_names_are_equal_once_composed_are_both_named(tmp_path: Path, layout: Layout) -> None:
    root = tmp_path / "raw"
    for seed, name in enumerate(("good", COMPOSED)):
        write_image(root, layout, name, seed)
        write_mask(root, layout, name)
    write_mask(root, layout, DECOMPOSED)
    write_table(root, layout, ["good", COMPOSED])
    case_ids, dropped = case_ids_and_dropped(root, tmp_path / "out", layout)
    assert case_ids == [PLACES[layout].case_id.format("good")]
    told = "\n".join(f"{path}: {what}" for path, what in dropped.items())
    # in print the two look alike
    assert ascii(COMPOSED)[1:-1] in told
    assert ascii(DECOMPOSED)[1:-1] in told


@every_layout
def test_two_images_whose_names_are_equal_once_composed_are_both_named(tmp_path: Path, layout: Layout) -> None:
    root = tmp_path / "raw"
    for seed, name in enumerate(("good", COMPOSED, DECOMPOSED)):
        write_image(root, layout, name, seed)
    for name in ("good", COMPOSED):
        write_mask(root, layout, name)
    write_table(root, layout, ["good", COMPOSED])
    case_ids, dropped = case_ids_and_dropped(root, tmp_path / "out", layout)
    assert case_ids == [PLACES[layout].case_id.format("good")]
    told = "\n".join(f"{path}: {what}" for path, what in dropped.items())
    assert ascii(COMPOSED)[1:-1] in told
    assert ascii(DECOMPOSED)[1:-1] in told


@with_folders
@pytest.mark.parametrize(
    ("name", "shown", "what"),
    [
        (os.fsdecode(b"caf\xe9"), r"caf\xe9", "has a name that is not UTF-8"),
        ("two\nlines", r"two\nlines", "has a line break, a tab or another control character in its name"),
        ("a\ttab", r"a\ttab", "has a line break, a tab or another control character in its name"),
    ],
)
def test_names_that_no_table_can_hold_are_problems(
    tmp_path: Path, layout: Layout, name: str, shown: str, what: str
) -> None:
    root, places = tmp_path / "raw", PLACES[layout]
    for seed, stem in enumerate(("good", name)):
        write_image(root, layout, stem, seed)
        write_mask(root, layout, stem)
    write_table(root, layout, ["good"])
    case_ids, dropped = case_ids_and_dropped(root, tmp_path / "out", layout)
    assert case_ids == [places.case_id.format("good")]
    assert dropped == {places.image.format(shown): what, places.mask.format(shown): what}
    with pytest.raises(ProblemsError) as caught:
        case_ids_and_dropped(root, tmp_path / "out", layout, on_error="fail")
    assert len(str(caught.value).encode().splitlines()) == 3


@with_folders
def test_links_to_folders_that_lie_above_end_and_are_named(tmp_path: Path, layout: Layout) -> None:
    root, places = tmp_path / "raw", PLACES[layout]
    write_image(root, layout, "good")
    write_mask(root, layout, "good")
    write_table(root, layout, ["good"])
    folder = (root / places.image).parent
    for name, target in (("a", ".."), ("b", "."), ("c", "../.."), ("d", "/")):
        (folder / name).symlink_to(target)
    below = folder.relative_to(root)
    assert _problems(root, layout) == {f"{below}/{name}": "is a link to a folder that it lies in" for name in "abcd"}


@with_folders
def test_folders_that_link_to_each_other_are_reported_once(tmp_path: Path, layout: Layout) -> None:
    root, places = tmp_path / "raw", PLACES[layout]
    write_image(root, layout, "good")
    write_mask(root, layout, "good")
    write_table(root, layout, ["good"])
    folder = (root / places.image).parent
    for name in "xy":
        save(tmp_path / name / "deep" / "i.png", speckle(1))
    for name, other in ("xy", "yx"):
        (tmp_path / name / "link").symlink_to(tmp_path / other)
        (folder / f"to_{name}").symlink_to(tmp_path / name)
    found = _problems(root, layout)
    assert sorted(set(found.values())) == [
        "holds images in a folder within an image folder",
        "is a link to a folder that it lies in",
    ]
    assert {Path(path).name for path, what in found.items() if what.startswith("holds")} == {"deep"}


@with_folders
def test_an_image_folder_that_is_none_is_named(tmp_path: Path, layout: Layout) -> None:
    root, places = tmp_path / "raw", PLACES[layout]
    write_image(root, layout, "good")
    write_mask(root, layout, "good")
    write_table(root, layout, ["good"])
    folder = "malignant" if layout == "busi" else "val_mask" if layout == "bcss" else Path(places.mask).parts[0]
    if (root / folder).exists():
        (root / folder).rename(tmp_path / "away")
    (root / folder).symlink_to("gone")
    assert _problems(root, layout)[folder] == "is a link that leads nowhere"
    (root / folder).unlink()
    (root / folder).write_bytes(b"")
    assert _problems(root, layout)[folder] == "is not a folder"


@pytest.mark.parametrize("layout", PLACES)
def test_a_data_set_below_a_link_is_found_once(tmp_path: Path, layout: Layout) -> None:
    write_image(tmp_path / "set", layout, "good")
    write_mask(tmp_path / "set", layout, "good")
    write_table(tmp_path / "set", layout, ["good"])
    (tmp_path / "alias").symlink_to("set")
    (tmp_path / "up").symlink_to("..")
    (case,) = layout_of(layout).find_cases(tmp_path).cases
    assert case.image.startswith((tmp_path / "set").as_posix())


@pytest.mark.parametrize("layout", ["bus_bra", "bus_uclm", "table"])
def test_a_table_that_is_not_a_file_is_named(tmp_path: Path, layout: Layout) -> None:
    write_image(tmp_path, layout, "good")
    write_mask(tmp_path, layout, "good")
    write_table(tmp_path, layout, ["good"])
    (table,) = tmp_path.glob("*.csv")
    table.unlink()
    os.mkfifo(table)
    assert _problems(tmp_path, layout) == {table.name: "is a named pipe, not a file"}
    table.unlink()
    table.symlink_to("gone.csv")
    assert _problems(tmp_path, layout) == {table.name: "is a link that leads nowhere"}


@every_layout
def test_a_root_whose_name_is_not_utf8_is_named(tmp_path: Path, layout: Layout) -> None:
    root = tmp_path / os.fsdecode(b"d\xe4ta")
    write_image(root, layout, "good")
    write_mask(root, layout, "good")
    write_table(root, layout, ["good"])
    for place in (root, tmp_path):
        with pytest.raises(ProblemsError, match=r"d\\xe4ta: has a name that is not UTF-8\. Rename it"):
            layout_of(layout).find_cases(place)


def test_names_that_differ_in_case_are_two_images(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    for seed, name in enumerate(("a", "A")):
        save(root / "benign" / f"{name}.png", speckle(seed))
        save(root / "benign" / f"{name}_mask.png", box())
    case_ids, dropped = case_ids_and_dropped(root, tmp_path / "out", "busi")
    assert (case_ids, dropped) == (["A", "a"], {})


@with_folders
def test_two_images_of_one_name_with_two_endings_are_both_named(tmp_path: Path, layout: Layout) -> None:
    root = tmp_path / "raw"
    for seed, name in enumerate(("good", "x")):
        image = write_image(root, layout, name, seed)
        write_mask(root, layout, name)
    write_table(root, layout, ["good", "x"])
    save(image.with_suffix(".JPG"), speckle(7))
    case_ids, dropped = case_ids_and_dropped(root, tmp_path / "out", layout)
    assert case_ids == [PLACES[layout].case_id.format("good")]
    assert {Path(path).suffix for path in dropped} == {".png", ".JPG"}
    assert all(Path(image.name).stem in what for what in dropped.values())


def test_a_link_to_a_folder_of_an_unknown_label_is_reported_by_its_images(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw")
    save(tmp_path / "more" / "x.png", speckle(1))
    (root / "begnin").symlink_to(tmp_path / "more")
    (root / "up").symlink_to("..")
    (root / "gone").symlink_to("nowhere")
    assert _problems(root, "busi") == {
        "begnin": "holds images of an unknown label",
        "up": "is a link to a folder that it lies in",
        "gone": "is a link that leads nowhere",
    }


def test_cells_of_a_table_say_what_is_at_their_paths(tmp_path: Path) -> None:
    save(tmp_path / "a.png", speckle(0))
    save(tmp_path / COMPOSED / "x.png", speckle(1))
    save(tmp_path / DECOMPOSED / "x.png", speckle(1))
    save(tmp_path / DECOMPOSED / "y.png", speckle(1))
    lines = ["image,masks,label", "a.png,folder;a.png/b.png,benign", f"{'long' * 70}.png,,", f"{COMPOSED}/x.png,,"]
    lines += [f"{COMPOSED}/y.png,,"]
    (tmp_path / "folder").mkdir()
    (tmp_path / "cases.csv").write_text("\n".join(lines), encoding="utf-8")
    listing = layout_of("table").find_cases(tmp_path)
    assert [case.image for case in listing.cases] == [(tmp_path / DECOMPOSED / "y.png").as_posix()]
    told = [str(problem).removeprefix(f"{tmp_path}/") for problem in sorted(listing.problems)]
    for text in (
        "a.png/b.png: is missing, but",
        "folder: is a folder, not a file, but",
        "has a name that is too long, but",
    ):
        assert any(text in line for line in told), text
    (twins,) = (line for line in told if line.startswith("cases.csv:4"))
    assert ascii(COMPOSED)[1:-1] in twins
    assert ascii(DECOMPOSED)[1:-1] in twins


def test_one_patient_in_two_forms_is_one(tmp_path: Path) -> None:
    for seed, name in enumerate(("a", "b")):
        save(tmp_path / f"{name}.png", speckle(seed))
    lines = ["image,masks,label,patient", f"a.png,,,{COMPOSED}", f"b.png,,,{DECOMPOSED}"]
    (tmp_path / "cases.csv").write_text("\n".join(lines), encoding="utf-8")
    assert {case.patient for case in layout_of("table").find_cases(tmp_path).cases} == {COMPOSED}


_LIST_WITHOUT_RIGHTS = """
import sys
from pathlib import Path
from breastseg.data.examine import Examined, examine
from breastseg.data.layouts import layout
listing = layout("busi").find_cases(Path(sys.argv[1]))
found = [examine(case, "busi") for case in listing.cases]
for problem in sorted([*listing.problems, *(p for f in found if not isinstance(f, Examined) for p in f)]):
    print(Path(problem.path).relative_to(sys.argv[1]).as_posix(), problem.what, sep=": ")
"""


def test_what_may_not_be_read_is_all_named_at_once(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw", benign=2)
    save(root / "benign" / "more" / "x.png", speckle(1))
    closed = {root / "benign" / "benign (0)_mask.png": 0, root / "benign" / "more": 0, root / "malignant": 0o300}
    # to root, rights say something once its capabilities are gone
    bare = [] if os.geteuid() else ["setpriv", "--bounding-set=-all"]
    try:
        for path, mode in closed.items():
            path.chmod(mode)
        command = [*bare, sys.executable, "-c", _LIST_WITHOUT_RIGHTS, str(root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    finally:
        for path in closed:
            path.chmod(0o700)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "benign/benign (0)_mask.png: cannot be read (Permission denied)",
        "benign/more: cannot be listed (Permission denied)",
        "malignant: cannot be listed (Permission denied)",
    ]
