from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw
from pydantic import ValidationError
from scipy import ndimage

from breastseg.inference.lesions import OperatingPoint, find_lesions, segment

EIGHT = np.ones((3, 3))

masks = arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)))


def point(threshold: float = 0.5, min_area_share: float = 0.0) -> OperatingPoint:
    return OperatingPoint(temperature=1.0, threshold=threshold, min_area_share=min_area_share)


def test_the_threshold_itself_belongs_to_the_lesion() -> None:
    probability = np.array([[0.25, 0.5], [0.75, 0.499]], dtype=np.float32)
    assert segment(probability, None, point(0.5)).tolist() == [[False, True], [True, False]]


def test_lesions_under_the_share_are_dropped_and_those_at_it_stay() -> None:
    probability = np.zeros((10, 20), dtype=np.float32)
    probability[0, :4] = 1
    probability[5, :3] = 1
    mask = segment(probability, None, point(min_area_share=4 / 200))
    assert mask[0, :4].all()
    assert mask.sum() == 4


def test_pixels_that_touch_at_a_corner_are_one_lesion() -> None:
    mask = np.eye(5, dtype=np.bool_)
    (lesion,) = find_lesions(mask, mask.astype(np.float32))
    assert lesion.area_px == 5
    assert segment(mask.astype(np.float32), None, point(min_area_share=5 / 25)).sum() == 5


def test_a_rectangle_is_described_by_hand() -> None:
    probability = np.full((20, 30), 0.1, dtype=np.float32)
    probability[4:12, 6:26] = 0.75
    probability[4, 6:26] = 0.95
    (lesion,) = find_lesions(probability > 0.5, probability)
    assert lesion.box == (6, 4, 26, 12)
    assert lesion.area_px == 160
    assert lesion.confidence == pytest.approx((0.95 + 7 * 0.75) / 8)
    corners = np.array(lesion.polygon)
    # marching squares cuts half a pixel off each corner
    for x, y in ((6, 4), (26, 4), (26, 12), (6, 12)):
        assert np.abs(corners - (x, y)).sum(axis=1).min() <= 1
    assert len(corners) <= 8


def test_the_largest_lesion_comes_first() -> None:
    mask = np.zeros((20, 20), dtype=np.bool_)
    mask[0:2, 0:2] = True
    mask[5:10, 5:10] = True
    mask[15:18, 0:3] = True
    assert [lesion.area_px for lesion in find_lesions(mask, mask.astype(np.float32))] == [25, 9, 4]


def test_an_empty_mask_has_no_lesions() -> None:
    nothing = np.zeros((7, 9), dtype=np.float32)
    assert find_lesions(nothing > 0, nothing) == []
    assert not segment(nothing, None, point()).any()


def test_a_ring_is_outlined_outside_only() -> None:
    rows, columns = np.indices((61, 61)) - 30
    radius = np.hypot(rows, columns)
    ring = (radius < 25) & (radius > 15)
    (lesion,) = find_lesions(ring, ring.astype(np.float32))
    distances = np.linalg.norm(np.array(lesion.polygon) - 30.5, axis=1)
    assert distances.min() > 23


@given(masks, st.floats(0, 0.2))
def test_segment_agrees_with_scipy(mask: np.ndarray, share: float) -> None:
    labels, count = ndimage.label(mask, EIGHT)
    expected = np.zeros_like(mask)
    for label in range(1, count + 1):
        component = labels == label
        expected |= component & (component.sum() >= share * mask.size)
    assert (segment(mask.astype(np.float32), None, point(min_area_share=share)) == expected).all()


@given(masks)
def test_lesions_account_for_every_pixel_of_the_mask(mask: np.ndarray) -> None:
    lesions = find_lesions(mask, mask.astype(np.float32))
    assert sum(lesion.area_px for lesion in lesions) == mask.sum()
    assert len(lesions) == ndimage.label(mask, EIGHT)[1]
    for lesion in lesions:
        x0, y0, x1, y1 = lesion.box
        xs, ys = np.array(lesion.polygon).T
        assert mask[y0:y1, x0:x1].any()
        assert len(xs) >= 3
        assert x0 <= xs.min() <= xs.max() <= x1
        assert y0 <= ys.min() <= ys.max() <= y1
        # all of it is outlined, parts that hang together by a corner too
        assert np.abs(np.subtract((xs.min(), ys.min(), xs.max(), ys.max()), lesion.box)).max() <= 1


@given(st.integers(8, 40), st.integers(8, 40), st.floats(0, 3))
def test_the_polygon_drawn_is_the_lesion(a: int, b: int, angle: float) -> None:
    rows, columns = np.indices((100, 100)) - 50
    along = columns * np.cos(angle) + rows * np.sin(angle)
    across = rows * np.cos(angle) - columns * np.sin(angle)
    mask = (along / a) ** 2 + (across / b) ** 2 <= 1
    (lesion,) = find_lesions(mask, mask.astype(np.float32))
    # ten times finer, so that drawing pixels does not decide
    canvas = Image.new("1", (1000, 1000))
    ImageDraw.Draw(canvas).polygon([(10 * x, 10 * y) for x, y in lesion.polygon], fill=1)
    drawn = np.asarray(canvas)
    truth = mask.repeat(10, axis=0).repeat(10, axis=1)
    assert 2 * (drawn & truth).sum() / (drawn.sum() + truth.sum()) > 0.95
    assert len(lesion.polygon) < 60


def test_nothing_is_segmented_below_the_presence_threshold() -> None:
    probability = np.full((4, 4), 0.9, np.float32)
    decided = OperatingPoint(temperature=1.0, threshold=0.5, min_area_share=0.0, presence_threshold=0.3)
    assert segment(probability, 0.3, decided).all()
    assert not segment(probability, 0.29, decided).any()
    # a network that does not predict it, and a file that does not decide by it
    assert segment(probability, None, decided).all()
    assert segment(probability, 0.0, point()).all()


def test_the_confidence_is_the_probability_of_both() -> None:
    probability = np.full((4, 4), 0.8, np.float32)
    alone, (lesion,) = (find_lesions(probability > 0.5, probability, presence) for presence in (None, 0.5))
    assert lesion.confidence == pytest.approx(0.4)
    assert alone[0].confidence == pytest.approx(0.8)


@pytest.mark.parametrize(
    "values",
    [
        {"presence_threshold": 1.1},
        {"presence_threshold": -0.1},
        {"temperature": 0.0},
        {"threshold": 0.0},
        {"threshold": 1.1},
        {"min_area_share": -0.1},
    ],
)
def test_impossible_operating_points_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(values))):
        OperatingPoint(**{"temperature": 1.0, "threshold": 0.5, "min_area_share": 0.0, **values})
