"""Outlines that were not filled are found, and filled lesions of any shape are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.data.outlines import has_outline
from tests.data.mask_files import disc, ring

if TYPE_CHECKING:
    import numpy.typing as npt


def _angle() -> npt.NDArray[np.float64]:
    rows, columns = np.indices((128, 128)) - 64
    return np.degrees(np.arctan2(rows, columns)) % 360


@pytest.mark.parametrize(("radius", "line"), [(30, 1), (30, 2), (30, 6), (10, 1), (60, 3)])
def test_a_ring_is_an_outline(radius: float, line: int) -> None:
    assert has_outline(ring(radius, line))


@pytest.mark.parametrize("gap", [2, 10, 60, 150])
def test_so_is_a_broken_one(gap: int) -> None:
    assert has_outline(ring() & (_angle() > gap))


def test_so_is_a_dashed_one() -> None:
    assert has_outline(ring() & (_angle() % 12 > 6))


def test_an_outline_beside_a_filled_lesion_is_found() -> None:
    mask = np.zeros((256, 256), dtype=np.bool_)
    mask[:128, :128] = disc(40)
    mask[120:248, 120:248] |= ring(20)
    assert has_outline(mask)


def test_thin_outlines_of_large_images_are_found() -> None:
    assert has_outline(np.kron(ring(50), np.eye(12, dtype=np.bool_)) > 0)


def _star() -> npt.NDArray[np.bool_]:
    rows, columns = np.indices((128, 128)) - 64
    return np.asarray(np.hypot(rows, columns) < 40 + 12 * np.sin(np.radians(_angle() * 7)))


@pytest.mark.parametrize(
    "mask",
    [
        disc(40),
        disc(3),
        disc(1),
        disc(0),
        disc(40) & ~disc(12),
        disc(40) & ~disc(30, centre=(64, 100)),
        _star(),
        disc(12, centre=(30, 30)) | disc(20, centre=(90, 90)),
        np.eye(128, dtype=np.bool_),
        np.zeros((128, 128), dtype=np.bool_),
        np.ones((1, 1), dtype=np.bool_),
    ],
    ids=["disc", "small", "tiny", "pixel", "hole", "crescent", "star", "two", "diagonal", "empty", "one"],
)
def test_what_is_filled_is_not_an_outline(mask: npt.NDArray[np.bool_]) -> None:
    assert not has_outline(mask)
