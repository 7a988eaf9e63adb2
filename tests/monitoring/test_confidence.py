from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breastseg.monitoring.confidence import soft_dice

ALL = np.ones((10, 10), np.bool_)
MASK = np.zeros((10, 10), np.bool_)
MASK[2:6, 2:7] = True


def test_the_worked_example_of_the_docs() -> None:
    probability = np.where(MASK, 0.9, 0.05).astype(np.float32)
    # 20 pixels of 0.9 in the mask, 80 of 0.05 around it
    assert soft_dice(probability, MASK, ALL) == pytest.approx(2 * 18 / (18 + 4 + 20))
    assert soft_dice(probability * 0.5, ~ALL, ALL) == pytest.approx(0.55)
    # of an image that is unlikely to show a lesion, an empty mask is likely to be right
    assert soft_dice(probability * 0.5, ~ALL, ALL, presence=0.1) == pytest.approx(0.955)
    assert soft_dice(probability, MASK, ALL, presence=0.1) == soft_dice(probability, MASK, ALL)


def test_a_network_without_doubt_expects_to_be_right() -> None:
    assert soft_dice(MASK.astype(np.float32), MASK, ALL) == 1
    assert soft_dice(np.zeros((10, 10), np.float32), ~ALL, ALL) == 1


def test_pixels_that_are_not_judged_do_not_count() -> None:
    probability = np.random.default_rng(0).random((10, 10)).astype(np.float32)
    other = np.where(MASK, probability, np.float32(0.99))
    assert soft_dice(probability, MASK, MASK) == soft_dice(other, ALL, MASK)
    assert soft_dice(other, ~MASK, MASK) == pytest.approx(1 - probability[MASK].max())
    assert soft_dice(probability, ALL, ~ALL) == 1  # nothing is judged


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
def test_it_is_about_the_mean_dice_of_truths_drawn_from_the_probabilities(seed: int, sharpness: float) -> None:
    rng = np.random.default_rng(seed)
    probability = (rng.random((40, 40)) ** sharpness).astype(np.float32)
    predicted = probability >= 0.5
    truths = rng.random((200, 40, 40)) < probability
    dice = 2 * (truths & predicted).sum(axis=(1, 2)) / (truths.sum(axis=(1, 2)) + predicted.sum())
    assert soft_dice(probability, predicted, np.ones_like(predicted)) == pytest.approx(dice.mean(), abs=0.01)
