from __future__ import annotations

import numpy as np
import pytest

from breastseg.inference.lesions import find_lesions
from breastseg.inference.segmenter import Segmentation
from breastseg.monitoring.confidence import soft_dice
from breastseg.monitoring.expected_dice import FEATURES, foretell
from breastseg.monitoring.watch import Watch
from tests.monitoring.profiles import make_profile

PROFILE = make_profile(4)
MASK = np.zeros((50, 60), np.bool_)
MASK[10:30, 10:30] = True
PROBABILITY = np.where(MASK, np.float32(0.9), np.float32(0.02))


def found(embedding: np.ndarray) -> Segmentation:
    return Segmentation(MASK, PROBABILITY, None, find_lesions(MASK, PROBABILITY), embedding.astype(np.float32))


def test_an_image_like_the_reference_is_let_pass() -> None:
    assessed = Watch(PROFILE).assess(np.full((50, 60), 40, np.uint8), found(np.zeros(4)))
    assert (assessed.novelty, assessed.out_of_distribution) == (0, False)
    assert assessed.expected_dice == pytest.approx(soft_dice(PROBABILITY, MASK))


@pytest.mark.parametrize(("grey", "embedding"), [(120, 0), (40, 7)], ids=["its greys", "its embedding"])
def test_an_image_is_told_by_either(grey: int, embedding: float) -> None:
    assessed = Watch(PROFILE).assess(np.full((50, 60), grey, np.uint8), found(np.full(4, embedding)))
    assert assessed.out_of_distribution
    assert assessed.novelty > 3
    # how good answers to such images are is not known
    assert assessed.expected_dice is None


def test_an_answer_without_a_lesion_has_no_expected_dice() -> None:
    nothing, unsure = np.zeros_like(MASK), np.full(MASK.shape, 0.02, np.float32)
    answer = Segmentation(nothing, unsure, None, find_lesions(nothing, unsure), np.zeros(4, np.float32))
    assessed = Watch(PROFILE).assess(np.full((50, 60), 40, np.uint8), answer)
    assert not assessed.out_of_distribution
    assert assessed.expected_dice is None


def test_what_is_not_defined_is_filled_and_a_dice_stays_one() -> None:
    line = PROFILE.expected_dice.model_copy(
        update={"weights": (0.0, 0.0, 1.0, 0.0, 0.0), "fill": (0.0, 0.0, 0.3, 0.0, 0.0)}
    )
    features = {**dict.fromkeys(FEATURES, 0.0), "empty": 0.0}
    assert foretell(line, {**features, "margin": None}) == pytest.approx(0.3)
    assert foretell(line, {**features, "margin": 0.8}) == pytest.approx(0.8)
    assert foretell(line, {**features, "margin": 7.0}) == 1
    assert foretell(line, {**features, "margin": -7.0}) == 0
    # of a lesion in the image, nothing would be hit
    assert foretell(line, {**features, "margin": 0.8, "empty": 1.0}) == 0
