from __future__ import annotations

import numpy as np
import pytest

from breastseg.inference.lesions import find_lesions
from breastseg.monitoring.answer_features import answer_features, confidence_features, flip_disagreement

HEIGHT, WIDTH = 100, 120
ROWS, COLUMNS = np.indices((HEIGHT, WIDTH))
DISC = (ROWS - 50) ** 2 + (COLUMNS - 60) ** 2 <= 30**2
BAR = (abs(ROWS - 50) <= 2) & (COLUMNS >= 20)


def of(mask: np.ndarray) -> dict[str, float | None]:
    return answer_features(find_lesions(mask, mask.astype(np.float32)), (HEIGHT, WIDTH))


def test_a_disc_in_the_middle() -> None:
    found = of(DISC)
    assert found["lesion_share"] == pytest.approx(DISC.mean())
    assert (found["lesion_count"], found["empty"], found["border_touch"]) == (1, 0, 0)
    assert found["compactness"] == pytest.approx(1, abs=0.05)


def test_a_bar_that_leaves_the_image() -> None:
    found = of(BAR)
    assert found["border_touch"] == 1
    # the outline is simplified by up to 0.75 px, much for a bar of 5 px
    assert found["compactness"] == pytest.approx(4 * np.pi * 5 * 100 / 210**2, rel=0.1)


def test_of_no_lesion_there_is_no_shape() -> None:
    nothing = {"lesion_share": 0, "lesion_count": 0, "empty": 1, "compactness": None, "border_touch": None}
    assert of(np.zeros_like(DISC)) == nothing


def test_doubt_is_where_the_probability_is_in_between() -> None:
    sure = np.where(DISC, np.float32(1), np.float32(0))
    found = confidence_features(sure, DISC)
    sure_of_it = {"soft_dice": 1, "peak": 1, "margin": 1, "doubt_share": 0, "outline_entropy": None}
    assert found == sure_of_it | {"presence": None}
    assert confidence_features(sure, DISC, 0.75) == sure_of_it | {"presence": 0.75}
    ring = DISC & ((ROWS - 50) ** 2 + (COLUMNS - 60) ** 2 > 25**2)
    found = confidence_features(np.where(ring, np.float32(0.5), sure), DISC)
    assert found["doubt_share"] == pytest.approx(np.log1p(ring.sum() / DISC.sum()))
    assert found["outline_entropy"] == pytest.approx(1)
    assert found["margin"] == pytest.approx(1 - ring.sum() / DISC.sum())


def test_without_a_mask_only_what_is_defined_is_told() -> None:
    found = confidence_features(np.full((4, 4), 0.25, np.float32), np.zeros((4, 4), np.bool_))
    assert found["soft_dice"] == pytest.approx(0.75)
    assert found["peak"] == 0.25
    assert found["margin"] is None
    assert found["doubt_share"] is None
    assert found["outline_entropy"] == pytest.approx(0.811278, abs=1e-5)


def test_disagreement_is_what_a_dice_lacks() -> None:
    half = DISC & (COLUMNS >= 60)
    assert flip_disagreement(DISC, DISC) == 0
    assert flip_disagreement(DISC, half) == pytest.approx(1 - 2 * half.sum() / (DISC.sum() + half.sum()))
    assert flip_disagreement(DISC, np.zeros_like(DISC)) == 1
    assert flip_disagreement(np.zeros_like(DISC), np.zeros_like(DISC)) == 0
    assert flip_disagreement(DISC, None) is None
