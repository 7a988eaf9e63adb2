"""The hash survives what does not change a picture, and tells pictures apart."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from breastseg.data.perceptual_hash import perceptual_hash
from tests.data.samples import speckle

SEEDS = range(20)


def _jpeg(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=40)
    return np.asarray(Image.open(stream))


def _distance(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> int:
    return (perceptual_hash(first) ^ perceptual_hash(second)).bit_count()


def _picture(seed: int) -> npt.NDArray[np.uint8]:
    # within 64 to 191, so that a change of brightness does not clip
    return (speckle(seed, 240, 300) // 2 + 64).astype(np.uint8)


@pytest.mark.parametrize("seed", SEEDS)
def test_same_picture_in_another_guise_is_near(seed: int) -> None:
    picture = _picture(seed)
    guises = {
        "brighter": picture + np.uint8(40),
        "less contrast": (picture * 0.6).astype(np.uint8),
        "JPEG": _jpeg(picture),
        "smaller": np.asarray(Image.fromarray(picture).resize((150, 120), Image.Resampling.BILINEAR)),
        "RGB": np.stack([picture] * 3, axis=2),
    }
    distances = {name: _distance(picture, guise) for name, guise in guises.items()}
    assert max(distances.values()) <= 6, distances


def test_other_pictures_are_far() -> None:
    pictures = [_picture(seed) for seed in SEEDS]
    distances = [_distance(pictures[i], pictures[j]) for i in SEEDS for j in range(i)]
    assert min(distances) > 12
    assert np.mean(distances) == pytest.approx(32, abs=3)


def test_hash_has_64_bits_half_of_them_set() -> None:
    assert {perceptual_hash(_picture(seed)).bit_count() for seed in SEEDS} == {32}


@pytest.mark.parametrize("value", [0, 77, 255])
def test_blank_image_has_hash_0(value: int) -> None:
    assert perceptual_hash(np.full((33, 47), value, dtype=np.uint8)) == 0
