from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from breastseg.data.png import encode_png
from breastseg.data.split_table import SplitRow
from breastseg.data.table import DOUBTFUL_NORMAL
from breastseg.evaluation.judgement import Judgement, judge
from breastseg.evaluation.metrics import score
from breastseg.evaluation.reliability import gather_bins
from breastseg.monitoring.confidence import soft_dice
from tests.evaluation import world

PLACE = SplitRow("case 005", "a group", 0, "test")
CASE = world.make_case(5)  # its right edge is not to be judged


def answer(probability: np.ndarray) -> Judgement:
    return judge("vit_unet", CASE, PLACE, probability, probability >= 0.5, presence=None)


def test_the_row_and_the_bins_are_of_one_answer() -> None:
    probability = np.random.default_rng(0).random(CASE.mask().shape).astype(np.float32)
    judged = np.ones_like(CASE.mask())
    judged[:, -20:] = False
    found = answer(probability)
    scores = score(CASE.mask(), probability >= 0.5, judged)
    assert (found.row.group, found.row.label, found.row.lesions) == ("a group", CASE.label, scores.lesions)
    assert (found.row.predicted_lesions, found.row.hits_iou10) == (scores.predicted_lesions, scores.hits_iou10)
    assert found.row.expected_dice == pytest.approx(soft_dice(probability, probability >= 0.5, judged), rel=1e-5)
    counts = gather_bins(found.bins, [found.row])[0]
    assert counts[:, 2].sum() <= scores.truth_px
    assert (counts[:, 0] > 0).all()


def test_what_is_said_of_pixels_that_are_not_judged_changes_nothing() -> None:
    probability = np.where(CASE.mask(), np.float32(0.8), np.float32(0.1))
    other = probability.copy()
    other[:, -20:] = 0.95
    assert answer(other) == answer(probability)


def test_a_normal_has_no_reliability_but_an_expectation() -> None:
    normal = replace(CASE, mask_png=encode_png(np.zeros_like(CASE.mask())))
    probability = np.full(CASE.mask().shape, 0.25, np.float32)
    found = judge("vit_unet", normal, PLACE, probability, probability >= 0.5, presence=None)
    assert found.bins == []
    assert found.row.expected_dice == 0.75
    assert (found.row.false_positive, found.row.expected_dice_error) == (0, None)


def test_a_normal_that_shows_a_lesion_image_is_kept_without_a_false_positive() -> None:
    empty = encode_png(np.zeros_like(CASE.mask()))
    doubtful = replace(CASE, mask_png=empty, label="normal", lesions=0, flags=(DOUBTFUL_NORMAL,))
    probability = np.full(CASE.mask().shape, 0.75, np.float32)
    row = judge("vit_unet", doubtful, PLACE, probability, probability >= 0.5, presence=None).row
    assert (row.label, row.predicted_lesions, row.dice) == ("normal", 1, None)
    assert (row.false_positive, row.false_positive_share) == (None, None)
    assert not row.counts
    sure = judge("vit_unet", replace(doubtful, flags=()), PLACE, probability, probability >= 0.5, presence=None).row
    assert (sure.false_positive, sure.counts) == (1, True)
