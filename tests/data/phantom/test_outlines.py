"""Morphology of lesions: area, orientation, compactness."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breastseg.data.phantom.outlines import Outline, draw_oval, draw_spiculated

SHAPE, CENTRE = (240, 240), (120.0, 120.0)
AREA_PX = 4000.0


def drawn(draw: object, seed: int) -> Outline:
    assert callable(draw)
    outline = draw(np.random.default_rng(seed), AREA_PX)
    assert isinstance(outline, Outline)
    return outline


def compactness(outline: Outline) -> float:
    """Isoperimetric quotient 4 pi A / P^2: 1 for a disc."""
    angles = np.linspace(-np.pi, np.pi, outline.radii_px.size, endpoint=False)
    points = outline.radii_px * np.exp(1j * angles)
    perimeter = np.abs(points - np.roll(points, 1)).sum()
    return float(4 * np.pi * AREA_PX / perimeter**2)


@pytest.mark.parametrize("draw", [draw_oval, draw_spiculated])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_mask_is_one_piece_of_the_area_asked_for(draw: object, seed: int) -> None:
    mask = drawn(draw, seed).depth_inside(SHAPE, CENTRE) > 0
    assert mask.sum() == pytest.approx(AREA_PX, rel=0.03)
    # a spicule's tip may be thinner than a pixel
    labels, _ = cc3d.largest_k(mask, k=1, return_N=True)
    assert (labels > 0).sum() > 0.99 * mask.sum()


def test_every_spiculated_outline_is_less_compact_than_any_oval() -> None:
    ovals = [compactness(drawn(draw_oval, seed)) for seed in range(100)]
    spiculated = [compactness(drawn(draw_spiculated, seed)) for seed in range(100)]
    assert min(ovals) > 0.75 > max(spiculated)


def test_ovals_lie_along_the_skin_and_carcinomas_mostly_do_not() -> None:
    def taller(draw: object) -> float:
        outlines = [drawn(draw, seed) for seed in range(100)]
        return float(np.mean([o.half_height_px > o.half_width_px for o in outlines]))

    assert taller(draw_oval) < 0.05
    assert taller(draw_spiculated) > 0.6


@pytest.mark.parametrize("draw", [draw_oval, draw_spiculated])
def test_extents_bound_the_mask(draw: object) -> None:
    outline = drawn(draw, 3)
    rows, columns = np.nonzero(outline.depth_inside(SHAPE, CENTRE) > 0)
    assert np.abs(rows - CENTRE[0]).max() == pytest.approx(outline.half_height_px, abs=1.5)
    assert np.abs(columns - CENTRE[1]).max() == pytest.approx(outline.half_width_px, abs=1.5)
