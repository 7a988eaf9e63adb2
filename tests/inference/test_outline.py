from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breastseg.inference.outline import simplify


def distance_to_ring(point: np.ndarray, corners: np.ndarray) -> float:
    starts, ends = corners, np.roll(corners, -1, axis=0)
    along = ends - starts
    share = np.clip(((point - starts) * along).sum(axis=1) / (along**2).sum(axis=1), 0, 1)
    return float(np.linalg.norm(starts + share[:, None] * along - point, axis=1).min())


def test_a_densely_drawn_square_keeps_its_four_corners() -> None:
    side = np.linspace(0, 10, 11)
    ring = np.concatenate(
        [
            np.stack([side, 0 * side], axis=1),
            np.stack([0 * side + 10, side], axis=1)[1:],
            np.stack([10 - side, 0 * side + 10], axis=1)[1:],
            np.stack([0 * side, 10 - side], axis=1)[1:],
        ]
    )
    assert simplify(ring).tolist() == [[0, 0], [10, 0], [10, 10], [0, 10]]


@given(st.lists(st.floats(5, 30), min_size=12, max_size=80), st.sampled_from([0.3, 0.5, 2.0]))
def test_no_dropped_point_is_farther_than_the_tolerance(radii: list[float], tolerance_px: float) -> None:
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array(radii)[:, None]
    ring = np.concatenate([points, points[:1]])
    corners = simplify(ring, tolerance_px)
    assert len(corners) <= len(points)
    assert max(distance_to_ring(point, corners) for point in points) <= tolerance_px + 1e-9


def test_a_single_pixel_keeps_an_area() -> None:
    diamond = np.array([[0, 0.5], [0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5]])
    assert simplify(diamond).tolist() == diamond[:-1].tolist()


def test_a_smaller_tolerance_keeps_more() -> None:
    angles = np.linspace(0, 2 * np.pi, 361)
    circle = 50 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert len(simplify(circle, 0.1)) > len(simplify(circle, 1.0)) > 8
    assert len(simplify(circle, 1.0)) == pytest.approx(16, abs=8)
