from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_expit, logit

from breastseg.data.split_table import SplitRow
from breastseg.errors import BreastsegError
from breastseg.evaluation.judged_case import JudgedCase, Logits
from breastseg.evaluation.operating_point import TEMPERATURES, choose_operating_point, fit_temperature
from breastseg.evaluation.threshold_grid import GridCase, grid_case
from tests.evaluation import world

PLACE = SplitRow("case", "group", 0, "val")


def calibrated(seed: int, temperature: float) -> JudgedCase:
    """Truth drawn pixel by pixel from the probabilities, logits too sharp by `temperature`."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(0, 2, (64, 64))
    truth = rng.random((64, 64)) < expit(pixels)
    return JudgedCase(Logits((temperature * pixels).astype(np.float32), 0.0), truth, np.ones_like(truth))


def in_grid(judged: JudgedCase) -> GridCase:
    return grid_case("network", world.make_case(1), PLACE, judged, 1.0)


def lesion(inside: float = 0.9, outside: float = 0.02, presence: float = 0.9) -> GridCase:
    mask = world.ellipse()
    return in_grid(world.judged_case(mask, np.where(mask, inside, outside), presence=presence))


def normal(presence: float, peak: float = 0.9) -> GridCase:
    spot = world.ellipse()
    return in_grid(world.judged_case(np.zeros_like(spot), np.where(spot, peak, 0.02), presence=presence))


LESION, NORMAL = lesion(), normal(0.5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_the_logits_were_sharpened_by_is_found(temperature: float) -> None:
    cases = [calibrated(seed, temperature) for seed in range(8)]
    assert fit_temperature(cases) == pytest.approx(temperature, rel=0.05)


def test_it_is_the_smallest_negative_log_likelihood_of_all() -> None:
    cases = [calibrated(seed, 2.0) for seed in range(3)]
    logits, truth = np.stack([case.logits.pixels for case in cases]), np.stack([case.truth for case in cases])

    def negative_log_likelihood(temperature: float) -> float:
        return float(-log_expit(np.where(truth, logits, -logits) / temperature).mean())

    grid = np.geomspace(*TEMPERATURES, 401)
    best = min(grid, key=negative_log_likelihood)
    assert fit_temperature(cases) == pytest.approx(best, rel=0.02)


def test_padding_and_ignored_pixels_have_no_part_in_the_temperature() -> None:
    case = world.judged_case(world.ellipse(), np.where(world.ellipse(), 0.7, 0.1) + 0.05 * np.eye(60, 80))
    expected = fit_temperature([case])
    pixels = np.where(case.letterbox.inside(), case.logits.pixels, np.float32(9))
    assert fit_temperature([JudgedCase(Logits(pixels, 0.0), case.truth, case.judged)]) == expected
    half = np.zeros_like(case.truth)
    half[:, :40] = True
    ignored = JudgedCase(case.logits, case.truth, half)
    flipped = JudgedCase(case.logits, np.where(half, case.truth, ~case.truth), half)
    assert fit_temperature([ignored]) == fit_temperature([flipped])


def test_the_threshold_parts_lesion_from_tissue() -> None:
    cases = [lesion(0.4, 0.2), lesion(0.46, 0.15)]
    point = choose_operating_point(cases, 1.0, 1.0, "network")
    assert 0.2 < point.threshold <= 0.4


def test_spots_smaller_than_lesions_are_dropped() -> None:
    truth = world.ellipse()
    speck = world.ellipse((5, 5), (1, 1))
    case = world.judged_case(truth, np.where(truth | speck, 0.9, 0.05))
    point = choose_operating_point([in_grid(case)], 1.0, 0.0, "network")
    assert point.min_area_share > 0
    assert not (case.predicted(point) & speck).any()
    assert (case.predicted(point) & truth).any()


def test_normal_images_decide_about_presence_alone() -> None:
    cases = [lesion(0.4, 0.2), lesion(0.46, 0.15)]
    alone, beside = (choose_operating_point([*cases, *more], 1.0, 0.0, "n") for more in ([], [normal(0.3)] * 9))
    assert (beside.threshold, beside.min_area_share) == (alone.threshold, alone.min_area_share)
    assert beside.presence_threshold == pytest.approx(expit((logit(0.3) + logit(0.9)) / 2), abs=1e-4)
    assert alone.presence_threshold == 0


def test_the_presence_threshold_leaves_the_allowed_share_of_normal_images() -> None:
    presences = np.random.default_rng(0).beta(1, 4, 400)
    cases = [replace(LESION, presence=presence) for presence in np.linspace(0.001, 0.999, 999)]
    cases += [replace(NORMAL, presence=presence) for presence in presences]
    for rate in (0.05, 0.1, 0.3):
        point = choose_operating_point(cases, 1.0, rate, "network")
        assert np.mean([point.shows_lesion(presence) for presence in presences]) == pytest.approx(rate, abs=0.01)


def test_no_false_positive_is_allowed_at_a_rate_of_0() -> None:
    for highest in (0.2, 0.123456789, 0.9999):
        cases = [lesion(), *(normal(presence) for presence in (0.1, highest, 0.05))]
        point = choose_operating_point(cases, 1.0, 0.0, "network")
        assert not any(point.shows_lesion(case.presence) for case in cases[1:])


def test_one_normal_image_that_looks_like_a_lesion_does_not_move_the_threshold_there() -> None:
    """A lesion image among 20 normal ones: the share of 5 % above the empirical quantile would be just this image."""
    cases = [lesion(), *(normal(p) for p in np.linspace(0.02, 0.2, 19)), normal(0.99)]
    point = choose_operating_point(cases, 1.0, 0.1, "network")
    assert point.presence_threshold is not None
    assert 0.18 < point.presence_threshold < 0.8
    assert point.shows_lesion(lesion().presence)


def test_a_share_of_less_than_one_normal_image_allows_one() -> None:
    """At a tenth of three, the quantile would be the highest of them, or next to it."""
    cases = [LESION, *(replace(NORMAL, presence=presence) for presence in (0.1, 0.1, 0.8))]
    lesions = [replace(LESION, presence=presence) for presence in np.linspace(0.001, 0.999, 999)]
    tenth, third = (
        choose_operating_point([*cases, *lesions], 1.0, rate, "n").presence_threshold for rate in (0.1, 1 / 3)
    )
    assert tenth == third
    assert tenth is not None
    assert 0.1 < tenth < 0.7


def test_the_presence_threshold_lies_midway_where_that_costs_no_lesion() -> None:
    lesions = [replace(LESION, presence=presence) for presence in (0.01, 0.7, 0.9)]
    normals = [replace(NORMAL, presence=presence) for presence in (0.02, 0.03, 0.03)]
    point = choose_operating_point([*lesions, *normals], 1.0, 0.0, "network")
    assert point.presence_threshold == pytest.approx(expit((logit(0.03) + logit(0.7)) / 2), abs=1e-4)
    # where there is no lesion above, normal images decide alone
    point = choose_operating_point([lesions[0], *normals], 1.0, 0.0, "network")
    assert point.presence_threshold == pytest.approx(0.03, abs=1e-4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0, 1))
def test_the_presence_threshold_lies_among_the_normal_images(presences: list[float], rate: float) -> None:
    cases = [LESION, *(replace(NORMAL, presence=presence) for presence in presences)]
    point = choose_operating_point(cases, 1.0, rate, "network")
    assert point.presence_threshold is not None
    assert 0 <= point.presence_threshold <= min(max(*presences, LESION.presence) + 2e-6, 1)


@pytest.mark.parametrize(("normals", "lesions"), [((-3, 0, 2.2), (15, 16, 18)), ((-25, -20, -18), (-13, -2, 3))])
def test_a_threshold_near_0_or_1_costs_no_lesion_either(normals: tuple[float, ...], lesions: tuple[float, ...]) -> None:
    cases = [replace(LESION, presence=float(expit(value))) for value in lesions]
    cases += [replace(NORMAL, presence=float(expit(value))) for value in normals]
    point = choose_operating_point(cases, 1.0, 0.1, "network")
    assert all(point.shows_lesion(case.presence) for case in cases[:3])
    assert not any(point.shows_lesion(case.presence) for case in cases[3:])


def test_what_is_predicted_on_ignored_pixels_does_not_count() -> None:
    left = np.zeros((world.HEIGHT, world.WIDTH), np.bool_)
    left[:, :40] = True
    spot, lesion_left = world.ellipse((30, 60), (9, 9)), world.ellipse((30, 20), (9, 9))
    case = world.judged_case(lesion_left, np.where(lesion_left, 0.5, np.where(spot, 0.7, 0.02)), left)
    point = choose_operating_point([in_grid(case)], 1.0, 0.0, "network")
    assert (case.predicted(point) & lesion_left).any()
    assert point.min_area_share == 0


def test_the_log_says_what_the_point_costs(caplog: pytest.LogCaptureFixture) -> None:
    cases = [lesion(), lesion(presence=0.1), normal(0.3), normal(0.3), normal(0.95)]
    with caplog.at_level(logging.INFO):
        choose_operating_point(cases, 1.0, 0.5, "network")
    assert "1 of 2 lesion images below the presence threshold" in caplog.text
    assert "false positives on 1 of 3 normal images" in caplog.text


def test_the_middle_of_equal_thresholds_is_taken() -> None:
    point = choose_operating_point([lesion(0.999, 0.001)], 1.0, 1.0, "network")
    assert (point.threshold, point.min_area_share) == (0.5, 0)


def test_a_lesion_is_needed() -> None:
    with pytest.raises(BreastsegError, match="No validation case has a lesion"):
        choose_operating_point([normal(0.5)], 1.0, 0.1, "network")
    with pytest.raises(BreastsegError, match="No validation case has a lesion"):
        fit_temperature([])
