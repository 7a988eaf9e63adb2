"""BCSS: class codes are lesion, other tissue, and pixels that nobody annotated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.data.layouts import layout
from breastseg.errors import BreastsegError
from tests.data.samples import box, save, speckle

if TYPE_CHECKING:
    from pathlib import Path

BCSS = layout("bcss")


def test_parts_are_one_set_and_patients_come_from_the_barcode(tmp_path: Path) -> None:
    names = {"train": "TCGA-A1-A0SK-DX1_xmin1_size224", "val": "TCGA-A2-A0YE-DX1_xmin2_size224"}
    for part, stem in names.items():
        save(tmp_path / part / f"{stem}.png", speckle(0))
        save(tmp_path / f"{part}_mask" / f"{stem}.png", box())
    save(tmp_path / "val" / "TCGA-bare.png", speckle(0))
    listing = BCSS.find_cases(tmp_path)
    assert [(case.case_id, case.patient, case.label) for case in listing.cases] == [
        (names["train"], "TCGA-A1-A0SK", "unknown"),
        (names["val"], "TCGA-A2-A0YE", "unknown"),
    ]
    assert [problem.what for problem in listing.problems] == ["is an image without a mask"]


def test_codes() -> None:
    layers = BCSS.read_mask(np.array([[0, 1, 2]], dtype=np.uint8))
    np.testing.assert_array_equal(layers.lesion, [[False, True, False]])
    np.testing.assert_array_equal(np.asarray(layers.ignored), [[True, False, False]])


def test_a_mask_of_0_and_255_is_refused() -> None:
    with pytest.raises(BreastsegError, match=r"no class codes \(3, 255\)"):
        BCSS.read_mask(np.array([[0, 3, 255]], dtype=np.uint8))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_only_8_bit_codes_come_through(tmp_path: Path, dtype: type[np.generic]) -> None:
    codes = np.array([[0, 1, 2]], dtype=dtype)
    data = save(tmp_path / "a.png", codes).read_bytes()
    if dtype is np.uint8:
        np.testing.assert_array_equal(BCSS.decode_mask(data), codes)
    else:
        with pytest.raises(BreastsegError, match="8-bit grey are expected"):
            BCSS.decode_mask(data)


def test_two_masks_of_one_patch_are_named(tmp_path: Path) -> None:
    save(tmp_path / "train" / "a.png", speckle(0))
    masks = [save(tmp_path / "train_mask" / name, box().astype(np.uint8)) for name in ("a.bmp", "a.png")]
    listing = BCSS.find_cases(tmp_path)
    assert listing.cases == ()
    assert [problem.path for problem in listing.problems] == [mask.as_posix() for mask in masks]


def test_coloured_mask_is_refused() -> None:
    with pytest.raises(BreastsegError, match="colours"):
        BCSS.read_mask(np.zeros((4, 4, 3), dtype=np.uint8))
