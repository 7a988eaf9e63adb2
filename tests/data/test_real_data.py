"""Copies of public data sets come through with the counts that their authors and curators give."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from PIL import Image

from breastseg.data.duplicates import find_duplicates
from breastseg.data.fingerprint import fingerprint
from breastseg.data.layouts.masks import decode_bright_mask, read_bright_mask
from breastseg.data.prepare import prepare
from breastseg.data.split import make_split
from breastseg.data.table import read_rows, read_table
from breastseg.params.data import Data, Layout
from breastseg.params.prepare import Prepare
from breastseg.params.split import Split
from tests.data.copies import GUISES
from tests.data.samples import outputs_in

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.data.table import CaseRow
    from tests.data.copies import Guise, Picture

pytestmark = [pytest.mark.extended, pytest.mark.real_data]

LIMIT = 0.8


class Expected(NamedTuple):
    layout: Layout
    folder: str
    labels: dict[str, int]
    channels: dict[int, int]
    patients: int


SAMPLES = [
    Expected("busi", "busi_native_sample", {"benign": 7, "malignant": 3, "normal": 2}, {1: 10, 3: 2}, 0),
    Expected("bus_bra", "bus_bra_sample", {"benign": 27, "malignant": 24}, {1: 51}, 30),
    Expected("bus_uclm", "bus_uclm_sample", {"benign": 5, "malignant": 7, "normal": 3}, {1: 15}, 3),
    Expected("bcss", "bcss_sample", {"unknown": 7, "normal": 1}, {3: 8}, 1),
]


def _prepare(layout: Layout, root: Path, out: Path) -> Path:
    if not root.is_dir():
        pytest.skip(f"needs {root}")
    params = Prepare(on_error="fail", duplicate_similarity=LIMIT, contradictions="keep")
    prepare(Data(layout=layout, root=root.as_posix(), sets={}), params, outputs_in(out))
    return out / "cases.parquet"


@pytest.fixture(scope="module")
def busi_table(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _prepare("busi", real_data / "busi", tmp_path_factory.mktemp("busi"))


@pytest.fixture(scope="module")
def busi(busi_table: Path) -> list[CaseRow]:
    return read_rows(busi_table)


@pytest.fixture(scope="module")
def busi_images(busi_table: Path) -> list[Picture]:
    return [case.image() for case in read_table(busi_table)]


@pytest.mark.parametrize("expected", SAMPLES, ids=lambda expected: expected.folder)
def test_sample_has_the_counts_of_its_authors(real_data: Path, tmp_path: Path, expected: Expected) -> None:
    table = _prepare(expected.layout, real_data / expected.folder, tmp_path)
    rows = read_rows(table)
    assert Counter(row.label for row in rows) == expected.labels
    assert Counter(row.channels for row in rows) == expected.channels
    assert len({row.patient for row in rows} - {None}) == expected.patients
    assert (tmp_path / "dropped.csv").read_text(encoding="utf-8") == "path,what,mend\n"


@pytest.mark.parametrize("folder", ["busi_native_sample", "bus_bra_sample", "bus_uclm_sample"])
def test_published_masks_are_exact_and_bright_from_half_on(real_data: Path, folder: str) -> None:
    names = {"busi_native_sample": "*_mask*.png", "bus_bra_sample": "mask_*.png", "bus_uclm_sample": "masks/*.png"}
    files = sorted((real_data / folder).rglob(names[folder]))
    assert len(files) >= 14
    for file in files:
        layers = read_bright_mask(decode_bright_mask(file.read_bytes()))
        with Image.open(file) as image:
            np.testing.assert_array_equal(layers.lesion, np.asarray(image.convert("RGB")).max(axis=2) >= 128)
        assert layers.flags == ()


def test_three_masks_of_a_native_image_are_one_lesion_map(real_data: Path, tmp_path: Path) -> None:
    table = _prepare("busi", real_data / "busi_native_sample", tmp_path)
    (case,) = read_table(table, ["benign (195)"])
    assert (case.width, case.height) == (729, 611)
    # the three files hold 67597, 62334 and 26427 pixels, and overlap a little
    assert 67_597 + 62_334 < case.mask().sum() <= 67_597 + 62_334 + 26_427


def test_bus_bra_tells_birads_and_device(real_data: Path, tmp_path: Path) -> None:
    rows = read_rows(_prepare("bus_bra", real_data / "bus_bra_sample", tmp_path))
    assert {row.birads for row in rows} <= {"2", "3", "4", "5"}
    assert all(row.device for row in rows)


def test_pixels_that_nobody_annotated_are_ignored(real_data: Path, tmp_path: Path) -> None:
    table = _prepare("bcss", real_data / "bcss_sample", tmp_path)
    shares = [np.asarray(case.ignored()).mean() for case in read_table(table) if case.ignored() is not None]
    assert len(shares) == 2
    assert max(shares) < 1


def test_busi_has_its_counts(busi: list[CaseRow]) -> None:
    assert Counter(row.label for row in busi) == {"benign": 348, "malignant": 169, "normal": 105}
    assert {row.channels for row in busi} == {1}
    assert {row.dataset for row in busi} == {"busi"}


def test_two_images_in_five_of_busi_have_a_near_duplicate(busi: list[CaseRow]) -> None:
    sizes = Counter(row.duplicate_group for row in busi)
    assert 0.35 < sum(size for size in sizes.values() if size > 1) / len(busi) < 0.5
    assert len(sizes) >= 430
    assert max(sizes.values()) <= 20


def test_images_of_busi_that_correlate_are_in_one_group(busi: list[CaseRow], busi_images: list[Picture]) -> None:
    small = [Image.fromarray(image).resize((48, 48), Image.Resampling.BILINEAR) for image in busi_images]
    correlations = np.corrcoef(np.stack([np.asarray(picture).ravel() for picture in small]))
    first, second = np.nonzero(np.triu(correlations > 0.98, 1))
    groups = np.array([row.duplicate_group for row in busi])
    assert len(first) > 90
    assert np.mean(groups[first] == groups[second]) >= 0.98


@pytest.mark.parametrize("guise", GUISES, ids=lambda guise: guise.__name__)
def test_copies_of_busi_join_their_source_and_do_not_tie_others(busi_images: list[Picture], guise: Guise) -> None:
    copies = [guise(image, np.random.default_rng(seed)) for seed, image in enumerate(busi_images)]
    prints = np.stack([fingerprint(picture) for picture in (*busi_images, *copies)])
    groups = find_duplicates(
        [f"{place:05}" for place in range(len(prints))], [None] * len(prints), prints, LIMIT
    ).groups
    sources, copied = groups[: len(copies)], groups[len(copies) :]
    assert np.mean([source == copy for source, copy in zip(sources, copied, strict=True)]) >= 0.95
    assert len(set(groups)) >= 430


def test_contradicting_labels_of_busi_are_those_of_one_picture(busi: list[CaseRow], busi_table: Path) -> None:
    lines = (busi_table.parent / "contradictions.csv").read_text().splitlines()[1:]
    groups: dict[str, set[str]] = {}
    for group, case_id, _ in (line.split(",") for line in lines):
        groups.setdefault(group, set()).add(case_id)
    assert len(groups) == 8
    assert {"benign (269)", "normal (1)"} in groups.values()
    assert {"benign (437)", "normal (34)"} in groups.values()
    # alike enough to stay together in a split, but two lesions
    assert not {"benign (140)", "malignant (1)", "malignant (132)"} & set().union(*groups.values())
    assert len({row.duplicate_group for row in busi if row.case_id in {"benign (140)", "malignant (1)"}}) == 1


def test_normals_of_busi_that_show_a_lesion_are_flagged(busi: list[CaseRow]) -> None:
    assert [row.case_id for row in busi if row.doubtful_normal] == ["normal (1)", "normal (34)"]


@pytest.mark.nightly
def test_patients_of_bus_bra_stay_apart(real_data: Path, tmp_path: Path) -> None:
    rows = read_rows(_prepare("bus_bra", real_data / "bus_bra", tmp_path))
    patients: dict[str, set[str | None]] = {}
    for row in rows:
        patients.setdefault(row.duplicate_group, set()).add(row.patient)
    assert len({row.patient for row in rows}) == 864
    assert max(len(found) for found in patients.values()) == 1


def test_no_near_duplicates_of_busi_are_parted(busi: list[CaseRow]) -> None:
    for fold in range(5):
        split = make_split(
            busi, Split(seed=0, folds=5, fold=fold, val_share=0.2, train_share=1.0, held_out_sets=(), grouped=True)
        )
        subsets: dict[str, set[str]] = {}
        for row, place in zip(busi, split, strict=True):
            subsets.setdefault(row.duplicate_group, set()).add(place.subset)
        assert all(len(found) == 1 for found in subsets.values())
