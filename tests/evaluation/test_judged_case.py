from __future__ import annotations

import numpy as np
import pytest

from breastseg.evaluation.judged_case import JudgedCase, Logits
from breastseg.inference.lesions import OperatingPoint, segment
from breastseg.inference.letterbox import Letterbox
from tests.evaluation import world


def test_masks_are_decoded_and_ignored_pixels_are_not_judged() -> None:
    case = world.make_case(5)
    judged = JudgedCase.of(case, Logits(np.zeros((64, 64), np.float32), 0.0))
    assert (judged.truth == case.mask()).all()
    assert judged.judged[:, :60].all()
    assert not judged.judged[:, 60:].any()
    assert JudgedCase.of(world.make_case(6), judged.logits).judged.all()


def test_the_sigmoid_is_brought_to_native_size_and_not_the_logits() -> None:
    logits = np.random.default_rng(0).normal(0, 6, (32, 32)).astype(np.float32)
    truth = world.ellipse()
    probability = JudgedCase(Logits(logits, 0.0), truth, truth).probability(2.0)
    box = Letterbox(world.HEIGHT, world.WIDTH, 32)
    assert probability == pytest.approx(box.restore(1 / (1 + np.exp(-logits / np.float32(2)))), abs=1e-6)
    of_logits = 1 / (1 + np.exp(-box.restore(logits) / 2))
    assert np.abs(probability - of_logits).max() > 0.05


def test_the_mask_is_what_the_service_segments() -> None:
    case = world.judged_case(world.ellipse(), np.where(world.ellipse(), 0.8, 0.2), presence=0.7)
    assert case.presence == pytest.approx(0.7)
    for presence_threshold, is_shown in ((0.69, True), (0.71, False)):
        point = OperatingPoint(1.5, 0.6, 0.001, presence_threshold)
        assert (case.predicted(point) == segment(case.probability(1.5), case.presence, point)).all()
        assert case.predicted(point).any() == is_shown
