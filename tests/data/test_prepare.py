"""A raw folder becomes one table, entirely or not at all."""

from __future__ import annotations

import csv
import gc
import pickle
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from PIL import Image

from breastseg.data import prepare as prepare_module
from breastseg.data import similar_pairs
from breastseg.data.parallel import CHUNK, ENGINE_VARIABLE
from breastseg.data.prepare import prepare
from breastseg.data.table import read_rows, read_table
from breastseg.errors import ProblemsError
from breastseg.params.data import Data, Layout
from breastseg.params.prepare import Prepare
from tests.data.copies import crop_centre
from tests.data.samples import box, nothing, outputs_in, resembling, save, speckle, write_busi, write_patients

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from breastseg.data.cases import RawCase


Choice = Literal["fail", "drop"]


def _prepare(
    root: Path,
    out: Path,
    layout: Layout = "busi",
    on_error: Choice = "fail",
    contradictions: Literal["keep", "drop"] = "keep",
) -> None:
    params = Prepare(on_error=on_error, duplicate_similarity=0.8, contradictions=contradictions)
    prepare(Data(layout=layout, root=root.as_posix(), sets={}), params, outputs_in(out))


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _dropped(out: Path) -> dict[str, str]:
    return {line["path"]: line["what"] for line in _lines(out / "dropped.csv")}


@pytest.fixture
def broken(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A folder with every fault at once beside six sound cases, and what is to be said of each offender."""
    root = write_busi(tmp_path / "raw")
    for name in ("bare", "small", "cut", "empty", "no lesion", "twin", "text", "gone"):
        save(root / "benign" / f"{name}.png", speckle(len(name)))
        save(root / "benign" / f"{name}_mask.png", nothing() if name == "no lesion" else box())
    (root / "benign" / "bare_mask.png").unlink()
    (root / "benign" / "gone.png").unlink()
    save(root / "benign" / "small_mask.png", box(20, 24))
    cut = root / "benign" / "cut.png"
    cut.write_bytes(cut.read_bytes()[:300])
    (root / "benign" / "empty_mask.png").write_bytes(b"")
    (root / "benign" / "text.png").write_text("no image", encoding="utf-8")
    save(root / "normal" / "with lesion.png", speckle(50))
    save(root / "normal" / "with lesion_mask.png", box())
    save(root / "malignant" / "twin.png", speckle(51))
    save(root / "malignant" / "twin_mask.png", box())
    save(root / "begnin" / "x.png", speckle(52))
    return root, {
        "benign/bare.png": "without a mask",
        "benign/gone_mask.png": "mask without an image",
        "benign/small_mask.png": "is 24 x 20 pixels, but its image is 48 x 40",
        "benign/cut.png": "cut off",
        "benign/empty_mask.png": "is empty",
        "benign/text.png": "is no PNG",
        "benign/no lesion_mask.png": "shows no lesion, but the label is benign",
        "normal/with lesion_mask.png": "shows a lesion, but the label is normal",
        "benign/twin.png": "case id 'twin' of another case",
        "malignant/twin.png": "case id 'twin' of another case",
        "begnin": "unknown label",
    }


def test_all_faults_are_told_at_once_and_nothing_is_left(broken: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    root, offenders = broken
    with pytest.raises(ProblemsError) as caught:
        _prepare(root, tmp_path / "out")
    told = {problem.path: problem for problem in caught.value.problems}
    assert told.keys() == {(root / name).as_posix() for name in offenders}
    for name, what in offenders.items():
        problem = told[(root / name).as_posix()]
        assert what in problem.what
        assert problem.mend
        assert str(problem) in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_case_with_the_id_of_a_faulty_one_is_listed_too(tmp_path: Path) -> None:
    folder = write_busi(tmp_path / "raw") / "benign"
    # the same name once accents are composed: none of them can be told which mask is its own
    names = ("\u00e9.png", "e\u0301.png", "\u00e9.bmp")
    for seed, name in enumerate(names):
        save(folder / name, speckle(seed + 50))
    save(folder / "\u00e9_mask.png", box())
    _prepare(folder.parent, tmp_path / "out", on_error="drop")
    kept = {row.case_id for row in read_rows(tmp_path / "out" / "cases.parquet")}
    assert "\u00e9" not in kept
    listed = " ".join(f"{path} {what}" for path, what in _dropped(tmp_path / "out").items())
    assert ".bmp" in listed


def test_drop_leaves_out_and_lists_what_is_faulty(broken: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    root, offenders = broken
    _prepare(root, tmp_path / "out", on_error="drop")
    sound = [f"benign ({i})" for i in range(3)] + [f"malignant ({i})" for i in range(2)] + ["normal (0)"]
    assert [row.case_id for row in read_rows(tmp_path / "out" / "cases.parquet")] == sound
    dropped = _dropped(tmp_path / "out")
    assert dropped.keys() == offenders.keys()
    assert all(what in dropped[name] for name, what in offenders.items())


def test_cases_that_share_an_id_are_examined_in_the_same_round(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw")
    for label in ("benign", "malignant"):
        save(root / label / "twin.png", speckle(7))
        save(root / label / "twin_mask.png", box())
    (root / "malignant" / "twin_mask.png").write_bytes(b"")
    with pytest.raises(ProblemsError) as caught:
        _prepare(root, tmp_path / "out")
    told = {(problem.path.removeprefix(f"{root.as_posix()}/"), problem.what) for problem in caught.value.problems}
    assert told == {
        ("benign/twin.png", "has the case id 'twin' of another case"),
        ("malignant/twin.png", "has the case id 'twin' of another case"),
        ("malignant/twin_mask.png", "is empty"),
    }


def test_a_16_bit_mask_of_codes_is_a_fault_with_its_mend(tmp_path: Path) -> None:
    save(tmp_path / "raw" / "train" / "TCGA-A1-A0SK-DX1_a.png", speckle(0))
    mask = save(tmp_path / "raw" / "train_mask" / "TCGA-A1-A0SK-DX1_a.png", np.full((40, 48), 2, dtype=np.uint16))
    with pytest.raises(ProblemsError) as caught:
        _prepare(tmp_path / "raw", tmp_path / "out", layout="bcss")
    (problem,) = caught.value.problems
    assert problem.path == mask.as_posix()
    assert "Save the mask as the layout has it" in problem.mend


def test_a_case_without_a_pixel_to_judge_is_told(tmp_path: Path) -> None:
    save(tmp_path / "raw" / "train" / "TCGA-A1-A0SK-DX1_a.png", speckle(0))
    mask = save(tmp_path / "raw" / "train_mask" / "TCGA-A1-A0SK-DX1_a.png", np.zeros((40, 48), dtype=np.uint8))
    with pytest.raises(ProblemsError, match="leaves no pixel to be judged") as caught:
        _prepare(tmp_path / "raw", tmp_path / "out", layout="bcss")
    assert [problem.path for problem in caught.value.problems] == [mask.as_posix()]


def test_images_and_inverted_masks_in_place_of_masks_are_all_named(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw", benign=4)
    inverted = save(root / "benign" / "benign (0)_mask.png", ~box())
    itself = save(root / "benign" / "benign (1)_mask.png", speckle(1))
    painted = save(root / "benign" / "benign (2)_mask.png", np.where(box(), 255, speckle(2)).astype(np.uint8))
    cut_out = save(root / "benign" / "benign (3)_mask.png", np.where(box(), speckle(3), 0).astype(np.uint8))
    with pytest.raises(ProblemsError) as caught:
        _prepare(root, tmp_path / "out")
    told = {problem.path: str(problem) for problem in caught.value.problems}
    assert told.keys() == {path.as_posix() for path in (inverted, itself, painted, cut_out)}
    assert "Is it inverted?" in told.pop(inverted.as_posix())
    assert all("shows its image" in text and "Save the mask as PNG" in text for text in told.values())


def test_noise_in_the_mask_of_a_normal_is_no_lesion_and_in_others_a_fault(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw")
    noise = np.random.default_rng(0).integers(0, 9, (40, 48), dtype=np.uint8)
    save(root / "normal" / "normal (0)_mask.png", noise)
    _prepare(root, tmp_path / "out")
    (case,) = read_table(tmp_path / "out" / "cases.parquet", ["normal (0)"])
    assert not case.mask().any()
    assert case.flags == ("faint_mask", "small_image")
    faint = save(root / "benign" / "benign (0)_mask.png", noise)
    small = save(root / "normal" / "normal (0)_mask.png", noise[:20])
    with pytest.raises(ProblemsError) as caught:
        _prepare(root, tmp_path / "out")
    told = {problem.path: problem.what for problem in caught.value.problems}
    assert told.keys() == {faint.as_posix(), small.as_posix()}
    assert "greatest value is 8" in told[faint.as_posix()]
    assert "is 48 x 20 pixels, but its image is 48 x 40" in told[small.as_posix()]


def test_flags_are_logged_with_counts_and_examples_of_the_cases_that_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = write_busi(tmp_path / "raw", benign=5)
    ring = np.pad(np.ones((30, 30), np.bool_), ((5, 5), (5, 13)))
    ring[6:34, 6:34] = False
    for index in range(4):
        save(root / "benign" / f"benign ({index})_mask.png", ring)
    save(root / "malignant" / "malignant (0)_mask.png", np.pad(box()[10:, 12:], ((0, 10), (0, 12))))
    (root / "benign" / "benign (0).png").write_bytes(b"")
    _prepare(root, tmp_path / "out", on_error="drop")
    assert [record.getMessage() for record in caplog.records] == [
        "lesion_at_border: 1 of 7 images, malignant (0)",
        "small_image: 7 of 7 images, such as benign (1), benign (2), benign (3)",
        "unfilled_outline: 3 of 7 images, benign (1), benign (2), benign (3)",
    ]


def test_faults_of_a_failed_run_leave_an_earlier_table_alone(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw")
    _prepare(root, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (root / "normal" / "normal (0).png").write_bytes(b"")
    with pytest.raises(ProblemsError):
        _prepare(root, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("on_error", ["fail", "drop"])
def test_no_case_at_all_fails_either_way(tmp_path: Path, on_error: Choice) -> None:
    (tmp_path / "raw" / "benign").mkdir(parents=True)
    with pytest.raises(ProblemsError, match="holds no case"):
        _prepare(tmp_path / "raw", tmp_path / "out", on_error=on_error)
    save(tmp_path / "raw" / "benign" / "bare.png", speckle(0))
    with pytest.raises(ProblemsError, match=r"bare\.png"):
        _prepare(tmp_path / "raw", tmp_path / "out", on_error=on_error)
    assert not (tmp_path / "out").exists()


def test_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match="nowhere: is missing"):
        _prepare(tmp_path / "nowhere", tmp_path / "out", on_error="drop")


def test_pixels_label_and_counts_reach_the_table(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw")
    second = np.zeros_like(box())
    second[30:35, 30:40] = True
    save(root / "benign" / "benign (0)_mask_1.png", second)
    _prepare(root, tmp_path / "out")
    case, *others = read_table(tmp_path / "out" / "cases.parquet")
    np.testing.assert_array_equal(case.image(), speckle(0))
    np.testing.assert_array_equal(case.mask(), box() | second)
    assert (case.lesions, case.height, case.width, case.channels, case.label) == (2, 40, 48, 1, "benign")
    assert [other.lesions for other in others] == [1, 1, 1, 1, 0]
    assert _dropped(tmp_path / "out") == {}


def test_rgba_and_palette_masks_mean_the_same(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw")
    mask = Image.fromarray(box())
    mask.convert("RGBA").save(root / "benign" / "benign (0)_mask.png")
    mask.convert("P").save(root / "benign" / "benign (1)_mask.png")
    mask.convert("I;16").save(root / "benign" / "benign (2)_mask.png")
    _prepare(root, tmp_path / "out")
    for case in read_table(tmp_path / "out" / "cases.parquet", [f"benign ({i})" for i in range(3)]):
        np.testing.assert_array_equal(case.mask(), box())


def test_unknown_label_without_lesion_is_a_normal(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    save(root / "a.png", speckle(0))
    save(root / "b.png", speckle(1))
    save(root / "b mask.png", box())
    (root / "cases.csv").write_text("image,masks,label\na.png,,\nb.png,b mask.png,unknown\n", encoding="utf-8")
    _prepare(root, tmp_path / "out", layout="table")
    assert [row.label for row in read_rows(tmp_path / "out" / "cases.parquet")] == ["normal", "unknown"]


def test_ignored_pixels_are_kept(tmp_path: Path) -> None:
    codes = np.full((40, 48), 2, dtype=np.uint8)
    codes[:10], codes[20:30] = 0, 1
    save(tmp_path / "raw" / "train" / "TCGA-A1-A0SK-DX1_a.png", np.stack([speckle(i) for i in range(3)], axis=2))
    save(tmp_path / "raw" / "train_mask" / "TCGA-A1-A0SK-DX1_a.png", codes)
    _prepare(tmp_path / "raw", tmp_path / "out", layout="bcss")
    (case,) = read_table(tmp_path / "out" / "cases.parquet")
    np.testing.assert_array_equal(case.mask(), codes == 1)
    np.testing.assert_array_equal(np.asarray(case.ignored()), codes == 0)
    assert case.channels == 3


def test_same_pictures_share_a_group_and_equal_pixels_a_hash(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw")
    save(root / "malignant" / "malignant (1).png", speckle(0))
    brighter = (speckle(1) // 2 + 100).astype(np.uint8)
    save(root / "normal" / "normal (0).png", brighter)
    _prepare(root, tmp_path / "out")
    rows = {row.case_id: row for row in read_rows(tmp_path / "out" / "cases.parquet")}
    groups = {name: row.duplicate_group for name, row in rows.items()}
    assert groups["malignant (1)"] == groups["benign (0)"] == "benign (0)"
    assert groups["normal (0)"] == groups["benign (1)"] == "benign (1)"
    assert len(set(groups.values())) == 4
    assert rows["malignant (1)"].content_hash == rows["benign (0)"].content_hash
    assert rows["normal (0)"].content_hash != rows["benign (1)"].content_hash


@pytest.fixture
def contradicting(tmp_path: Path) -> Path:
    """Six cases: a malignant one shows the picture of a benign one, and a benign one a crop of the normal one."""
    root = write_busi(tmp_path / "raw")
    save(root / "malignant" / "malignant (1).png", speckle(0))
    save(root / "benign" / "benign (2).png", crop_centre(speckle(2000), np.random.default_rng(0)))
    save(root / "benign" / "benign (2)_mask.png", box(36, 44))
    return root


def test_contradicting_labels_are_told_and_kept_together(
    contradicting: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _prepare(contradicting, tmp_path / "out")
    assert _lines(tmp_path / "out" / "contradictions.csv") == [
        {"group": "benign (0)", "case_id": "benign (0)", "label": "benign"},
        {"group": "benign (0)", "case_id": "malignant (1)", "label": "malignant"},
        {"group": "benign (2)", "case_id": "benign (2)", "label": "benign"},
        {"group": "benign (2)", "case_id": "normal (0)", "label": "normal"},
    ]
    assert "2 groups of near-duplicates have several labels; their 4 images are kept together" in caplog.text
    rows = read_rows(tmp_path / "out" / "cases.parquet")
    assert len(rows) == 6
    assert len({row.duplicate_group for row in rows}) == 4
    assert _dropped(tmp_path / "out") == {}


def test_contradicting_labels_are_left_out_and_listed_on_demand(
    contradicting: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _prepare(contradicting, tmp_path / "out", contradictions="drop")
    kept = [row.case_id for row in read_rows(tmp_path / "out" / "cases.parquet")]
    assert kept == ["benign (1)", "malignant (0)"]
    dropped = _lines(tmp_path / "out" / "dropped.csv")
    assert [line["path"] for line in dropped] == [
        f"{name.split()[0]}/{name}.png" for name in ("benign (0)", "benign (2)", "malignant (1)", "normal (0)")
    ]
    assert dropped[0]["what"] == "is benign, but among its near-duplicates are other labels"
    assert all("prepare.contradictions: keep" in line["mend"] for line in dropped)
    assert len(_lines(tmp_path / "out" / "contradictions.csv")) == 4
    assert "4 images are left out" in caplog.text


def test_nothing_but_contradictions_is_no_case(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw", benign=1, malignant=1, normal=0)
    save(root / "malignant" / "malignant (0).png", speckle(0))
    with pytest.raises(ProblemsError, match=r"holds no case(.|\n)*malignant \(0\)\.png: is malignant"):
        _prepare(root, tmp_path / "out", contradictions="drop")
    assert not (tmp_path / "out").exists()


def test_no_contradiction_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _prepare(write_busi(tmp_path / "raw"), tmp_path / "out", contradictions="drop")
    assert _lines(tmp_path / "out" / "contradictions.csv") == []
    assert len(read_rows(tmp_path / "out" / "cases.parquet")) == 6
    assert not [record for record in caplog.records if "near-duplicates" in record.getMessage()]


def test_near_pairs_are_told_with_their_similarity(contradicting: Path, tmp_path: Path) -> None:
    _prepare(contradicting, tmp_path / "out")
    (line,) = [line for line in _lines(tmp_path / "out" / "near_pairs.csv") if line["grouped"] == "True"]
    # the equal ones are one picture, and no pair
    assert (line["first"], line["second"]) == ("benign (2)", "normal (0)")
    assert 0.9 < float(line["similarity"]) < 1
    assert len(line["similarity"]) <= len("0.1234")


def test_one_case_is_enough(tmp_path: Path) -> None:
    _prepare(write_busi(tmp_path / "raw", benign=1, malignant=0, normal=0), tmp_path / "out")
    assert [row.duplicate_group for row in read_rows(tmp_path / "out" / "cases.parquet")] == ["benign (0)"]
    assert _lines(tmp_path / "out" / "near_pairs.csv") == []
    assert (tmp_path / "out" / "near_pairs.png").exists()


@pytest.mark.integration
def test_one_process_or_several_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_busi(tmp_path / "raw", benign=2 * CHUNK)
    _prepare(root, tmp_path / "several")
    monkeypatch.setattr(prepare_module, "ordered_map", map)
    _prepare(root, tmp_path / "one")
    for name in ("cases.parquet", "dropped.csv", "near_pairs.csv", "contradictions.csv", "near_pairs.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "several" / name).read_bytes()


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")
def test_ray_gives_the_same_bytes_from_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_busi(tmp_path / "raw", benign=2 * CHUNK)
    monkeypatch.chdir(tmp_path)
    _prepare(Path("raw"), Path("here"))
    monkeypatch.setenv(ENGINE_VARIABLE, "ray")
    _prepare(Path("raw"), Path("there"))
    for name in ("cases.parquet", "dropped.csv", "near_pairs.csv", "contradictions.csv", "near_pairs.png"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def _map_of_copies(function: Callable[[RawCase], object], cases: Sequence[RawCase]) -> Iterator[object]:
    """What `ordered_map` does, but in this process, where memory can be traced."""
    yield from (function(pickle.loads(pickle.dumps(case))) for case in cases)  # noqa: S301 - our own bytes
    gc.collect()  # the copies


@pytest.mark.nightly
def test_memory_grows_by_less_than_1_kb_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_module, "ordered_map", _map_of_copies)
    for name, size in (("_QUERIES", 100), ("_COMPARISONS", 1 << 12), ("_BATCH", 1 << 10)):
        monkeypatch.setattr(similar_pairs, name, size)  # what is worked on at once is no more than the few fill
    few, many = 100, 1500  # far apart, because garbage collection adds some noise
    peaks = {}
    _prepare(write_busi(tmp_path / "warm"), tmp_path / "out")  # what is imported and cached once does not count
    for count in (few, many):
        root = write_busi(tmp_path / str(count), benign=count)
        tracemalloc.start()
        _prepare(root, tmp_path / "out")
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (peaks[many] - peaks[few]) / (many - few) < 1024, peaks


def test_only_images_of_different_known_patients_need_more_evidence(tmp_path: Path) -> None:
    images = {
        "a": ("p1", speckle(0)),
        "b": ("p2", resembling(0, 0.9)),
        "c": ("p1", speckle(1)),
        "d": ("p1", resembling(1, 0.85)),
        "e": ("p3", speckle(2)),
        "f": ("", resembling(2, 0.85)),
        "g": ("p4", speckle(3)),
        "h": ("p5", resembling(3, 0.965)),
    }
    _prepare(write_patients(tmp_path / "raw", images), tmp_path / "out", "table")
    groups = {row.case_id: row.duplicate_group for row in read_rows(tmp_path / "out" / "cases.parquet")}
    assert groups == {"a": "a", "b": "b", "c": "c", "d": "c", "e": "e", "f": "e", "g": "g", "h": "g"}
    (apart,) = [line for line in _lines(tmp_path / "out" / "near_pairs.csv") if line["grouped"] == "False"]
    assert (apart["first"], apart["second"]) == ("a", "b")
    assert float(apart["similarity"]) == pytest.approx(0.9, abs=0.01)


def test_alike_images_of_other_labels_are_grouped_and_contradict_only_where_they_are_much_alike(tmp_path: Path) -> None:
    root = write_busi(tmp_path / "raw", benign=4, malignant=1)
    save(root / "malignant" / "malignant (0).png", resembling(0, 0.86))
    save(root / "normal" / "normal (0).png", resembling(1, 0.86))
    save(root / "benign" / "benign (3).png", resembling(2, 0.93))
    save(root / "malignant" / "malignant (1).png", speckle(2))
    save(root / "malignant" / "malignant (1)_mask.png", box())
    _prepare(root, tmp_path / "out", contradictions="drop")
    assert [line["case_id"] for line in _lines(tmp_path / "out" / "contradictions.csv")] == [
        "benign (2)",
        "benign (3)",
        "malignant (1)",
    ]
    groups = {row.case_id: row.duplicate_group for row in read_rows(tmp_path / "out" / "cases.parquet")}
    assert groups == {
        "benign (0)": "benign (0)",
        "malignant (0)": "benign (0)",
        "benign (1)": "benign (1)",
        "normal (0)": "benign (1)",
    }


@pytest.mark.parametrize(("alike", "count"), [(1, 1), (0.93, 1), (0.86, 0)])
def test_a_normal_that_shows_a_lesion_image_is_flagged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, alike: float, count: int
) -> None:
    root = write_busi(tmp_path / "raw", normal=2)
    save(root / "normal" / "normal (0).png", resembling(0, alike))
    _prepare(root, tmp_path / "out")
    flagged = [row.case_id for row in read_rows(tmp_path / "out" / "cases.parquet") if "doubtful_normal" in row.flags]
    assert flagged == ["normal (0)"] * count
    assert caplog.text.count("1 normal is a near-duplicate of a lesion image") == count
