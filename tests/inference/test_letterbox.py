from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from breastseg.inference.letterbox import Letterbox

if TYPE_CHECKING:
    import numpy.typing as npt

sides = st.integers(1, 300)
sizes = st.sampled_from([32, 64, 96])


def blob(height: int, width: int, row: float, column: float, radius: float) -> npt.NDArray[np.float64]:
    rows, columns = np.mgrid[0.5:height, 0.5:width]
    return np.asarray(np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * radius**2)))


def centre_of_mass(weights: np.ndarray) -> tuple[float, float]:
    """Row and column in pixels, where pixel i covers [i, i + 1]."""
    rows, columns = np.mgrid[0.5 : weights.shape[0], 0.5 : weights.shape[1]]
    return float((rows * weights).sum() / weights.sum()), float((columns * weights).sum() / weights.sum())


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@given(sides, sides, sizes, st.sampled_from([1, 3]), st.booleans())
def test_any_size_goes_there_and_back(height: int, width: int, size: int, channels: int, rgb: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    box = Letterbox(height, width, size)
    image = np.full((height, width, 3) if rgb else (height, width), 77, dtype=np.uint8)

    square = box.image(image, channels)  # type: ignore[arg-type] # hypothesis knows no Literal

    assert square.shape == (channels, size, size)
    assert square.dtype == np.uint8
    assert (square == np.where(box.inside(), 77, 0)).all()
    assert max(np.ptp(np.nonzero(box.inside()), axis=1)) == size - 1

    restored = box.restore(square[0].astype(np.float32) / 255)
    assert restored.shape == (height, width)
    assert restored.dtype == np.float32
    assert np.allclose(restored, 77 / 255)


@given(sides, sides, sizes)
def test_a_full_mask_fills_the_inside_and_no_more(height: int, width: int, size: int) -> None:
    box = Letterbox(height, width, size)
    square = box.mask(np.ones((height, width), dtype=np.bool_))
    assert square.dtype == np.bool_
    assert (square == box.inside()).all()


def test_the_image_is_centred() -> None:
    inside = Letterbox(50, 100, 64).inside()
    assert inside[16:48].all()
    assert not inside[:16].any()
    assert not inside[48:].any()


@pytest.mark.parametrize("shape", [(200, 300), (301, 199), (64, 64), (40, 31)])
def test_a_smooth_map_survives_the_round_trip(shape: tuple[int, int]) -> None:
    height, width = shape
    smooth = blob(height, width, height * 0.4, width * 0.55, 0.15 * min(shape))
    box = Letterbox(height, width, 128)
    square = box.image((smooth * 255).round().astype(np.uint8), 1)[0]
    restored = box.restore(square.astype(np.float32) / 255)
    assert np.abs(restored - smooth).max() < 0.02


@pytest.mark.parametrize("shape", [(200, 300), (301, 199), (97, 97), (50, 41)])
@pytest.mark.parametrize("size", [64, 128])
def test_nothing_shifts(shape: tuple[int, int], size: int) -> None:
    height, width = shape
    row, column, radius = height * 0.45, width * 0.5, 0.08 * min(shape)
    original = (blob(height, width, row, column, radius) * 255).round().astype(np.uint8)
    box = Letterbox(height, width, size)

    square = box.image(original, 1)[0].astype(np.float32) / 255
    restored = box.restore(square)

    # a shift by half a pixel of the square would move it by half of this
    square_px = max(shape) / size
    assert np.abs(np.subtract(centre_of_mass(restored), (row, column))).max() < 0.06 * max(1, square_px)


@given(st.integers(120, 260), st.integers(120, 260), st.floats(0.35, 0.65), st.floats(0.15, 0.3))
def test_a_restored_mask_covers_the_original(height: int, width: int, place: float, radius: float) -> None:
    mask = blob(height, width, height * place, width * place, radius * min(height, width)) > np.exp(-0.5)
    box = Letterbox(height, width, 128)
    restored = box.restore(box.mask(mask).astype(np.float32)) >= 0.5
    assert dice(restored, mask) > 0.93


def test_colours_become_grey_by_luminance_and_grey_becomes_three_equal_channels() -> None:
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    box = Letterbox(32, 32, 32)

    grey = box.image(colours, 1)[0]
    assert (grey == np.asarray(Image.fromarray(colours).convert("L"))).all()
    assert np.abs(grey - colours @ (0.299, 0.587, 0.114)).max() <= 1
    assert (box.image(grey, 3) == grey).all()
    assert (box.image(colours, 3) == colours.transpose(2, 0, 1)).all()


def test_scaling_down_is_antialiased() -> None:
    stripes = np.zeros((256, 256), dtype=np.uint8)
    stripes[:, ::2] = 255
    square = Letterbox(256, 256, 32).image(stripes, 1)[0]
    assert np.abs(square[:, 1:-1].astype(int) - 127).max() < 5


def test_values_stay_probabilities() -> None:
    steps = np.indices((32, 32)).sum(axis=0) % 2 * np.float32(1)
    restored = Letterbox(101, 77, 32).restore(steps)
    assert restored.min() >= 0
    assert restored.max() <= 1


def test_arrays_of_another_size_are_refused() -> None:
    box = Letterbox(20, 30, 32)
    with pytest.raises(ValueError, match=r"\(30, 20\).*\(20, 30\)"):
        box.image(np.zeros((30, 20), dtype=np.uint8), 1)
    with pytest.raises(ValueError, match=r"\(30, 20\)"):
        box.mask(np.zeros((30, 20), dtype=np.bool_))
    with pytest.raises(ValueError, match=r"\(20, 30\).*\(32, 32\)"):
        box.restore(np.zeros((20, 30), dtype=np.float32))
