"""Each feature moves with what it is named after, and stays where that does."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFilter
from scipy import ndimage

from breastseg.monitoring.image_features import image_features

RNG = np.random.default_rng(0)
SPECKLE = (90 * RNG.rayleigh(0.6, (224, 256))).clip(0, 255)
IMAGE = (SPECKLE * np.linspace(1.3, 0.5, 224)[:, None]).clip(0, 255).astype(np.uint8)


def changed(other: np.ndarray, name: str) -> float:
    return image_features(other)[name] - image_features(IMAGE)[name]


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def blurred(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(2)))


def framed(image: np.ndarray) -> np.ndarray:
    other = image.copy()
    other[:, :64] = 0
    return other


@pytest.mark.parametrize(
    ("other", "name", "sign"),
    [
        (IMAGE // 2, "brightness", -1),
        (IMAGE // 2, "contrast", -1),
        (IMAGE // 2, "p95", -1),
        (IMAGE // 16, "entropy", -1),
        (IMAGE[::-1], "vertical_balance", -1),
        (blurred(IMAGE), "sharpness", -1),
        (blurred(IMAGE), "speckle_contrast", -1),
        (jpeg(IMAGE, 5), "blockiness", 1),
        (IMAGE[:112], "log_area", -1),
        (IMAGE[:112], "log_aspect", 1),
    ],
)
def test_a_feature_moves_with_what_it_is_named_after(other: np.ndarray, name: str, sign: int) -> None:
    assert sign * changed(other, name) > 0.1


def test_a_dark_border_counts_by_its_area() -> None:
    assert image_features(IMAGE)["dark_border_share"] == 0
    assert image_features(framed(IMAGE))["dark_border_share"] == pytest.approx(64 / 256)


@given(image=arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_greys_are_those_of_the_pixels(image: np.ndarray) -> None:
    found = image_features(image)
    assert found["brightness"] == pytest.approx(image.mean())
    assert found["contrast"] == pytest.approx(image.std(), abs=1e-9)
    assert [found[f"p{share:02}"] for share in (5, 50, 95)] == [
        np.percentile(image, share, method="inverted_cdf") for share in (5, 50, 95)
    ]
    half = (len(image) + 1) // 2
    assert found["vertical_balance"] == pytest.approx(image[:half].mean() - image[-half:].mean())


def test_of_a_large_image_pixels_are_taken_evenly() -> None:
    assert image_features(IMAGE.repeat(4, axis=0).repeat(4, axis=1))["p50"] == pytest.approx(np.median(IMAGE), abs=3)


def test_texture_is_that_of_the_middle() -> None:
    """Against SciPy's Laplacian, and block by block."""
    window = IMAGE[64:160, 80:176].astype(float)
    found = image_features(IMAGE)
    laplacian = ndimage.laplace(window)[1:-1, 1:-1]
    assert found["sharpness"] == pytest.approx(np.log1p(laplacian.var()), rel=1e-5)
    blocks = window.reshape(12, 8, 12, 8).swapaxes(1, 2).reshape(-1, 64)
    contrast = np.sort(blocks.std(axis=1) / blocks.mean(axis=1))
    assert found["speckle_contrast"] == pytest.approx(contrast[(len(contrast) - 1) // 2], rel=1e-4)


def test_an_equal_histogram_has_the_most_entropy() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert image_features(levels)["entropy"] == pytest.approx(8)
    assert image_features(np.full((16, 16), 7, np.uint8))["entropy"] == 0


def test_colour_is_a_share_and_three_equal_channels_have_none() -> None:
    grey = np.repeat(IMAGE[..., None], 3, axis=2)
    half = grey.copy()
    half[:112, :, 0] = 255
    half[:112, :, 2] = 0
    assert image_features(grey)["colour_share"] == 0
    assert image_features(half)["colour_share"] == pytest.approx(0.5)
    assert image_features(grey) == image_features(IMAGE)


@given(image=arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_every_image_has_finite_features(image: np.ndarray) -> None:
    found = image_features(image)
    assert set(found) == set(image_features(IMAGE))
    assert np.isfinite(list(found.values())).all()
