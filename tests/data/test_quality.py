"""Lesions are counted as a reader of the mask would, and each flag says what it says."""

from __future__ import annotations

import numpy as np
import pytest

from breastseg.data.cases import MaskLayers
from breastseg.data.quality import count_lesions, quality_flags
from breastseg.inference.decode import decode_image
from breastseg.inference.image_quality import image_flags
from breastseg.monitoring.image_features import image_features
from tests.data.samples import box, nothing, speckle
from tests.tiff_files import tiff


@pytest.fixture(autouse=True)
def small_images_are_not_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    # the samples are small, so that tests are fast
    monkeypatch.setattr("breastseg.inference.image_quality._SMALL_PX", 1)


def test_lesions_that_touch_at_a_corner_are_one() -> None:
    mask = nothing()
    mask[2, 2] = mask[3, 3] = True
    assert count_lesions(mask) == 1
    mask[10, 10] = True
    assert count_lesions(mask) == 2
    assert count_lesions(nothing()) == 0


@pytest.mark.parametrize("mask", [box(), nothing()])
def test_plain_case_has_no_flag(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> None:
    assert quality_flags(speckle(0), mask) == ()


def test_blank_image() -> None:
    assert quality_flags(np.full((40, 48), 90, dtype=np.uint8), box()) == ("blank_image", "low_contrast")


def test_some_colour_is_an_overlay_and_all_colour_is_none() -> None:
    image = np.stack([speckle(0)] * 3, axis=2)
    image[:5, :5] = 255, 0, 0
    assert quality_flags(image, box()) == ("colour_overlay",)
    image[:] = speckle(0)[..., None] // 2
    image[..., 0] += 100
    assert quality_flags(image, box()) == ()


def test_colour_noise_of_jpeg_is_no_overlay() -> None:
    image = np.stack([speckle(0) // 2 + 60] * 3, axis=2).astype(np.uint8)
    image[..., 1] += 10
    assert quality_flags(image, box()) == ()


@pytest.mark.parametrize(("row", "column"), [(0, 20), (-1, 20), (20, 0), (20, -1)])
def test_lesion_at_any_border(row: int, column: int) -> None:
    mask = box()
    mask[row, column] = True
    assert "lesion_at_border" in quality_flags(speckle(0), mask)


def test_a_speck_beside_a_lesion_is_tiny() -> None:
    mask = box()
    mask[35, 40] = True
    assert quality_flags(speckle(0), mask) == ("tiny_lesion",)


def test_data_of_12_bits_in_a_file_of_16_are_flagged_as_the_service_does() -> None:
    image = decode_image(tiff(speckle(0).astype(np.uint16) << 4))
    assert len(np.unique(image)) == 17
    flags = quality_flags(image, box())
    assert flags == ("low_contrast", "too_dark")
    assert flags == image_flags(image, image_features(image))


def test_flags_of_image_and_mask_are_sorted() -> None:
    mask = box()
    mask[0, 0] = True
    assert quality_flags(np.zeros((40, 48), dtype=np.uint8), mask) == (
        "blank_image",
        "lesion_at_border",
        "low_contrast",
        "tiny_lesion",
        "too_dark",
    )


def test_a_lesion_of_more_than_half_of_the_image() -> None:
    mask = nothing()
    mask[1:-1, 1:-1] = True
    assert quality_flags(speckle(0), mask) == ("large_lesion",)


def _ring() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    mask = nothing()
    mask[5:35, 5:35] = True
    mask[6:34, 6:34] = False
    return mask


def test_an_outline_that_was_not_filled() -> None:
    assert quality_flags(speckle(0), _ring()) == ("unfilled_outline",)


def test_an_outline_is_seen_in_any_file_and_over_several() -> None:
    filled = box(60, 72)[8:48, 8:56]
    hidden = [MaskLayers(_ring(), None), MaskLayers(np.pad(np.ones((30, 30), np.bool_), ((5, 5), (5, 13))), None)]
    assert "unfilled_outline" in quality_flags(speckle(0), hidden[0].lesion | hidden[1].lesion, hidden)
    left = np.arange(48) < 20
    halves = [MaskLayers(_ring() & left, None), MaskLayers(_ring() & ~left, None)]
    assert "unfilled_outline" in quality_flags(speckle(0), _ring(), halves)
    assert quality_flags(speckle(0), filled, [MaskLayers(filled, None), MaskLayers(filled, None)]) == ()


def test_flags_of_the_files_are_the_cases_too() -> None:
    files = [MaskLayers(box(), None, ("lossy_mask",)), MaskLayers(nothing(), None)]
    assert quality_flags(speckle(0), box(), files) == ("lossy_mask",)
