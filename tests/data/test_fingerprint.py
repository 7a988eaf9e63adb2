"""Descriptors survive what does not change a picture, and tell pictures apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from breastseg.data.fingerprint import CROPS, SIDE, describe, fingerprint, products, similarity
from tests.data.copies import GUISES
from tests.data.samples import speckle

if TYPE_CHECKING:
    from tests.data.copies import Guise

SEEDS = range(20)


def _prints(*pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.stack([fingerprint(picture) for picture in pictures])


@pytest.fixture(scope="module")
def pictures() -> list[npt.NDArray[np.uint8]]:
    return [speckle(seed, 240, 300) for seed in SEEDS]


@pytest.mark.parametrize("guise", GUISES, ids=lambda guise: guise.__name__)
def test_same_picture_in_another_guise_is_alike(pictures: list[npt.NDArray[np.uint8]], guise: Guise) -> None:
    changed = [guise(picture, np.random.default_rng(seed)) for seed, picture in enumerate(pictures)]
    assert np.diagonal(similarity(_prints(*pictures), _prints(*changed))).min() > 0.8


def test_size_and_colour_do_not_count(pictures: list[npt.NDArray[np.uint8]]) -> None:
    picture = pictures[0]
    same = _prints(picture[::2, ::2].copy(), np.stack([picture] * 3, axis=2))
    assert similarity(_prints(picture), same).min() > 0.99


def test_other_pictures_are_unlike(pictures: list[npt.NDArray[np.uint8]]) -> None:
    alike = similarity(_prints(*pictures), _prints(*pictures))
    assert alike[~np.eye(len(pictures), dtype=bool)].max() < 0.7


def test_similarity_is_the_same_both_ways_and_1_with_oneself(pictures: list[npt.NDArray[np.uint8]]) -> None:
    prints = _prints(*pictures)
    np.testing.assert_array_equal(similarity(prints[:5], prints), similarity(prints, prints[:5]).T)
    np.testing.assert_allclose(np.diagonal(similarity(prints, prints)), 1, atol=0.005)


def test_products_are_exact_in_any_order(pictures: list[npt.NDArray[np.uint8]]) -> None:
    described = describe(_prints(*pictures), CROPS).reshape(-1, 99)
    shuffled = described[:, np.random.default_rng(0).permutation(99)]
    expected = described.astype(np.int64) @ described.T.astype(np.int64) / 2048**2
    np.testing.assert_array_equal(products(described, described), expected)
    np.testing.assert_array_equal(products(shuffled, shuffled), expected)


def test_a_window_is_described_as_the_picture_cut_to_it() -> None:
    pixels = fingerprint(speckle(0, 240, 300))
    # a half of 24 pixels, so that no pixel is cut through; its own fingerprint repeats every pixel
    cut = np.repeat(np.repeat(pixels[:12, 12:], 2, axis=0), 2, axis=1)
    spans = ((0.0, 0.5), (0.5, 1.0))
    windows = describe(pixels[None], spans)
    assert windows.shape == (1, 4, 99)
    assert products(windows[0, 1:2], describe(cut[None])[0]).item() == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("value", [0, 77, 255])
def test_a_blank_picture_is_like_nothing(value: int) -> None:
    blank = np.full((33, 47), value, dtype=np.uint8)
    assert not describe(_prints(blank), CROPS).any()
    assert not similarity(_prints(blank), _prints(blank, speckle(0))).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (900, 2), (5, 4, 3)])
def test_any_size_has_a_fingerprint(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert fingerprint(pixels).shape == (SIDE, SIDE)
    assert np.isfinite(describe(_prints(pixels), CROPS)).all()
