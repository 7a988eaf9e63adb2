from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy.special import expit, log_expit

from breastseg.errors import BreastsegError
from breastseg.evaluation.judged_case import JudgedCase
from breastseg.evaluation.operating_point import TEMPERATURES, choose_operating_point, fit_temperature
from tests.evaluation import world


def calibrated(seed: int, temperature: float) -> JudgedCase:
    """Truth drawn pixel by pixel from the probabilities, logits too sharp by `temperature`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (64, 64))
    truth = rng.random((64, 64)) < expit(logits)
    return JudgedCase((temperature * logits).astype(np.float32), truth, np.ones_like(truth))


def lesion(inside: float, outside: float) -> JudgedCase:
    return world.judged_case(world.ellipse(), np.where(world.ellipse(), inside, outside))


def normal(peak: float, radius: float = 12) -> JudgedCase:
    spot = world.ellipse(radii=(radius, radius))
    return world.judged_case(np.zeros_like(spot), np.where(spot, peak, 0.02))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_the_logits_were_sharpened_by_is_found(temperature: float) -> None:
    cases = [calibrated(seed, temperature) for seed in range(8)]
    assert fit_temperature(cases) == pytest.approx(temperature, rel=0.05)


def test_it_is_the_smallest_negative_log_likelihood_of_all() -> None:
    cases = [calibrated(seed, 2.0) for seed in range(3)]
    logits, truth = (np.stack([getattr(case, name) for case in cases]) for name in ("logits", "truth"))

    def negative_log_likelihood(temperature: float) -> float:
        return float(-log_expit(np.where(truth, logits, -logits) / temperature).mean())

    grid = np.geomspace(*TEMPERATURES, 401)
    best = min(grid, key=negative_log_likelihood)
    assert fit_temperature(cases) == pytest.approx(best, rel=0.02)


def test_padding_and_ignored_pixels_have_no_part_in_the_temperature() -> None:
    case = world.judged_case(world.ellipse(), np.where(world.ellipse(), 0.7, 0.1) + 0.05 * np.eye(60, 80))
    expected = fit_temperature([case])
    logits = np.where(case.letterbox.inside(), case.logits, np.float32(9))
    assert fit_temperature([JudgedCase(logits, case.truth, case.judged)]) == expected
    half = np.zeros_like(case.truth)
    half[:, :40] = True
    ignored = JudgedCase(case.logits, case.truth, half)
    flipped = JudgedCase(case.logits, np.where(half, case.truth, ~case.truth), half)
    assert fit_temperature([ignored]) == fit_temperature([flipped])


def test_the_threshold_parts_lesion_from_tissue() -> None:
    cases = [lesion(0.4, 0.2), lesion(0.45, 0.15)]
    point = choose_operating_point(cases, 1.0, "network")
    for case in cases:
        assert (case.predicted(point) == case.truth).mean() > 0.98


def test_spots_smaller_than_lesions_are_dropped() -> None:
    truth = world.ellipse()
    speck = world.ellipse((5, 5), (1, 1))
    cases = [world.judged_case(truth, np.where(truth | speck, 0.9, 0.05)), normal(0.9, radius=1)]
    point = choose_operating_point(cases, 0.0, "network")
    assert point.min_area_share > 0
    assert not cases[1].predicted(point).any()
    assert not (cases[0].predicted(point) & speck).any()


def test_normals_are_left_unmarked_at_the_cost_of_dice() -> None:
    cases = [lesion(0.3, 0.02), lesion(0.9, 0.02), normal(0.5)]
    greedy, careful = (choose_operating_point(cases, rate, "network") for rate in (1.0, 0.0))
    assert cases[0].predicted(greedy).any()
    assert cases[2].predicted(greedy).any()
    assert not cases[2].predicted(careful).any()
    assert not cases[0].predicted(careful).any()
    assert cases[1].predicted(careful).any()


def test_of_points_that_are_as_good_the_most_careful_one_is_taken() -> None:
    cases = [lesion(0.8, 0.02), lesion(0.8, 0.02)]  # alike at every threshold and minimum area
    point = choose_operating_point([*cases, normal(0.02)], 0.0, "network")
    assert (point.threshold, point.min_area_share) == (0.95, 0.01)
    point = choose_operating_point(cases, 0.0, "network")  # without normals there is no reason for care
    assert (point.threshold, point.min_area_share) == (0.5, 0)


def test_a_lesion_that_is_lost_is_never_as_good() -> None:
    found = [lesion(0.9, 0.02) for _ in range(30)]
    point = choose_operating_point([*found, lesion(0.3, 0.02), normal(0.02)], 0.0, "network")
    assert lesion(0.3, 0.02).predicted(point).any()


def test_what_is_predicted_on_ignored_pixels_does_not_count(caplog: pytest.LogCaptureFixture) -> None:
    left = np.zeros((world.HEIGHT, world.WIDTH), np.bool_)
    left[:, :40] = True
    spot, lesion_left = world.ellipse((30, 60), (9, 9)), world.ellipse((30, 20), (9, 9))
    cases = [
        world.judged_case(lesion_left, np.where(lesion_left, 0.5, np.where(spot, 0.7, 0.02)), left),
        world.judged_case(np.zeros_like(left), np.where(spot, 0.7, 0.02), left),
    ]
    point = choose_operating_point(cases, 0.0, "network")
    assert (cases[0].predicted(point) & lesion_left).any()
    assert cases[1].predicted(point).any()
    assert not caplog.records  # the rate of normals was kept


def test_an_unattainable_rate_gives_the_smallest_one_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    cases = [lesion(0.9, 0.02), normal(0.9999), normal(0.3)]
    with caplog.at_level(logging.WARNING):
        point = choose_operating_point(cases, 0.0, "network")
    assert "0.500 instead of evaluate.max_normal_false_positive_rate = 0.000" in caplog.text
    assert not cases[2].predicted(point).any()


def test_a_share_of_less_than_one_normal_allows_one_unless_it_is_none() -> None:
    # the normal is as sure as the fainter lesions
    cases = [*(lesion(p, 0.02) for p in (0.9, 0.5, 0.5, 0.5)), normal(0.6), *(normal(0.02) for _ in range(4))]
    lost = {
        rate: sum(not c.predicted(choose_operating_point(cases, rate, "n")).any() for c in cases[:4])
        for rate in (0.1, 0.0)
    }
    assert lost == {0.1: 0, 0.0: 3}


def test_without_normals_there_is_nothing_to_keep_to(caplog: pytest.LogCaptureFixture) -> None:
    point = choose_operating_point([lesion(0.9, 0.1)], 0.0, "network")
    assert lesion(0.9, 0.1).predicted(point).any()
    assert not caplog.records


def test_the_middle_of_equal_thresholds_is_taken() -> None:
    point = choose_operating_point([lesion(0.999, 0.001)], 1.0, "network")
    assert (point.threshold, point.min_area_share) == (0.5, 0)


def test_a_lesion_is_needed() -> None:
    with pytest.raises(BreastsegError, match="No validation case has a lesion"):
        choose_operating_point([normal(0.5)], 0.1, "network")
