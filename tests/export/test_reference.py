"""A profile describes the cases that it is made of, and its thresholds hold for cases that it was not fitted to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from breastseg.errors import BreastsegError
from breastseg.evaluation.distributions import distribution_of
from breastseg.export.reference import Reference, make_profile
from breastseg.monitoring.drift import bin_of
from breastseg.monitoring.expected_dice import FEATURES, foretell
from breastseg.monitoring.novelty import Detector
from breastseg.monitoring.observation import Observation
from breastseg.params.monitoring import Monitoring

PARAMS = Monitoring(bins=5, directions=3, folds=5, false_alarm_share=0.1, flip_share=0.25)
RNG = np.random.default_rng(0)


def make_case(number: int, shift: float = 0.0) -> Reference:
    """A case whose real Dice follows its soft Dice; one in five is a normal without a mask."""
    normal, soft = number % 5 == 0, float(RNG.random())
    answer: dict[str, float | None] = {**dict.fromkeys(FEATURES, 0.0), "soft_dice": soft, "empty": float(normal)}
    answer["margin"] = None if normal else soft / 2
    image = {name: float(value) for name, value in zip("abcd", RNG.normal(shift, 1, 4), strict=True)}
    embedding = RNG.normal(shift, 1, 30).astype(np.float32)
    dice = None if normal else float(np.clip(0.9 * soft + RNG.normal(0, 0.05), 0, 1))
    return Reference(f"group {number // 2}", Observation(image, answer, embedding), dice)


CASES = [make_case(number) for number in range(200)]
PROFILE = make_profile(CASES, PARAMS)


def test_distributions_count_the_images() -> None:
    for name in "abcd":
        values = np.array([case.observation.image[name] for case in CASES])
        found = PROFILE.distributions[name]
        counts, _ = np.histogram(values, [-np.inf, *found.edges, np.inf])
        assert np.array(found.shares) == pytest.approx(counts / 200)
        assert max(found.shares) < 0.3
    assert PROFILE.distributions["margin"].n == 160


def test_the_size_of_an_image_may_drift_and_is_no_novelty() -> None:
    sized = [
        replace(
            case,
            observation=replace(case.observation, image=case.observation.image | {"log_area": 15.8, "log_aspect": 0.2}),
        )
        for case in CASES
    ]
    profile = make_profile(sized, PARAMS)
    assert {"log_area", "log_aspect"} <= profile.distributions.keys()
    assert profile.novelty == PROFILE.novelty


def test_a_feature_that_is_one_of_two_values_has_a_bin_for_each() -> None:
    empty = PROFILE.distributions["empty"]
    assert empty.shares == pytest.approx((0, 0.8, 0.2, 0))
    assert [bin_of(empty, value) for value in (-0.01, 0, 1, 1.01)] == [0, 1, 2, 3]


def test_more_than_the_highest_number_that_many_images_have_is_noticed() -> None:
    counts = distribution_of(np.array([0.0] * 20 + [1.0] * 80), 10)
    assert bin_of(counts, 9) == bin_of(counts, 2) > bin_of(counts, 1)
    # a highest value that is rare needs no bin of its own: whatever lies beyond is in the last one
    spread = distribution_of(RNG.normal(size=100), 10)
    assert len(spread.shares) == 10


def test_any_other_value_than_the_only_one_is_noticed() -> None:
    constant = PROFILE.distributions["peak"]
    assert constant.shares == (0, 1, 0)
    assert [bin_of(constant, value) for value in (-0.01, 0, 0.01)] == [0, 1, 2]


def test_images_of_a_group_tell_less_than_as_many_others() -> None:
    # two images a group
    assert PROFILE.design_effect == 2
    alone = [replace(case, group=str(number)) for number, case in enumerate(CASES)]
    assert make_profile(alone, PARAMS).design_effect == 1
    one_large = [replace(case, group="large" if number < 100 else str(number)) for number, case in enumerate(CASES)]
    assert make_profile(one_large, PARAMS).design_effect == pytest.approx((100**2 + 100) / 200)


def test_a_distribution_does_not_depend_on_the_order_of_the_cases() -> None:
    values = np.array([0.3, 0.3, *[0.0] * 98])
    found = distribution_of(values, 10)
    assert found == distribution_of(values[::-1], 10)
    assert [bin_of(found, value) for value in (0.0, 0.2)] == [1, 2]


def test_no_edge_is_the_value_of_an_image() -> None:
    for name, distribution in PROFILE.distributions.items():
        values = {case.observation.features[name] for case in CASES}
        assert not values & set(distribution.edges)


def test_a_missed_lesion_is_foretold_as_such_and_fitted_to_by_nobody() -> None:
    missed = [
        replace(case, dice=0.0, observation=replace(case.observation, answer={**case.observation.answer, "empty": 1.0}))
        for case in CASES[1:5]
    ]
    assert make_profile([*CASES, *missed], PARAMS).expected_dice == PROFILE.expected_dice
    assert foretell(PROFILE.expected_dice, missed[0].observation.answer) == 0


def test_of_a_network_that_misses_all_the_misses_are_told_and_fitted_to(caplog: pytest.LogCaptureFixture) -> None:
    blind = [
        replace(case, dice=0.0, observation=replace(case.observation, answer={**case.observation.answer, "empty": 1.0}))
        for case in CASES
        if case.dice is not None
    ]
    assert make_profile([*blind, *CASES[::5]], PARAMS).expected_dice.n == len(blind)
    assert "Nearly all lesions of the validation set are missed" in caplog.text
    caplog.clear()
    make_profile(CASES, PARAMS)
    assert not caplog.records


def test_nothing_is_judged_on_what_it_was_fitted_to() -> None:
    """Of few cases of many values: in sample, noise foretells itself, and every case lies near its own centre."""

    def noise(count: int) -> list[Reference]:
        found = []
        for number in range(count):
            answer: dict[str, float | None] = dict(zip(FEATURES, RNG.normal(size=len(FEATURES)).tolist(), strict=True))
            seen = Observation(
                {"a": float(RNG.normal())}, {**answer, "empty": 0.0}, RNG.normal(size=40).astype(np.float32)
            )
            found.append(Reference(str(number), seen, float(RNG.random())))
        return found

    correlations, alarms = [], []
    for _ in range(20):
        profile = make_profile(noise(30), PARAMS)
        detector = Detector(profile.novelty)
        correlations.append(profile.expected_dice.rank_correlation)
        alarms.append(np.mean([detector.is_out(detector.score(case.observation)) for case in noise(50)]))
    assert np.mean(correlations) < 0.1
    assert np.mean(alarms) < 0.2


def test_images_of_a_group_are_never_parted() -> None:
    """Five images of each group are the same but for a trace: parted, each is near one that was fitted to."""
    alike = []
    for group in range(12):
        embedding = RNG.normal(size=40)
        for _ in range(5):
            seen = CASES[1].observation
            near = replace(
                seen, image={"a": float(group)}, embedding=(embedding + RNG.normal(0, 0.01, 40)).astype(np.float32)
            )
            alike.append(Reference(f"group {group}", near, 0.5))
    parted = [replace(case, group=str(number)) for number, case in enumerate(alike)]
    own, others = (make_profile(cases, PARAMS).novelty.embedding.typical for cases in (alike, parted))
    assert own > 2 * others


def test_where_all_cases_have_one_size_other_features_still_tell_who_is_unlike_them() -> None:
    # the logarithm of 224 x 256 pixels, which six digits cannot hold
    cases = [
        replace(case, observation=replace(case.observation, image={**case.observation.image, "log_area": 15.807355}))
        for case in CASES
    ]
    novelty = make_profile(cases, PARAMS).novelty
    assert novelty.image.typical == pytest.approx(PROFILE.novelty.image.typical, rel=0.3)
    detector = Detector(novelty)

    def share_out(shift: float) -> float:
        seen = [replace(case.observation, image={**case.observation.image, "a": shift}) for case in cases]
        return float(np.mean([detector.is_out(detector.score(observation)) for observation in seen]))

    assert share_out(0) < 0.1
    assert share_out(12) > 0.9


def test_the_share_of_flips_is_carried() -> None:
    assert PROFILE.flip_share == 0.25


def test_the_threshold_holds_for_new_cases_and_not_for_others() -> None:
    detector = Detector(PROFILE.novelty)
    alarms = [
        np.mean([detector.is_out(detector.score(make_case(i, shift).observation)) for i in range(1000)])
        for shift in (0.0, 2.0)
    ]
    assert alarms[0] == pytest.approx(0.1, abs=0.06)
    assert alarms[1] > 0.95
    assert PROFILE.novelty.false_alarm_share == pytest.approx(0.1, abs=0.01)


def test_the_line_foretells_what_it_was_not_fitted_to() -> None:
    pairs = [
        (foretell(PROFILE.expected_dice, case.observation.answer), case.dice)
        for case in map(make_case, range(500))
        if case.dice is not None
    ]
    foretold, dice = np.array(pairs).T
    correlation = float(spearmanr(foretold, dice).statistic)
    assert correlation > 0.9
    assert PROFILE.expected_dice.rank_correlation == pytest.approx(correlation, abs=0.05)
    assert np.abs(np.subtract(foretold, dice)).mean() < 0.06


def test_what_tells_nothing_is_not_called_foretelling() -> None:
    noise = [replace(case, dice=float(RNG.random())) for case in CASES if case.dice is not None]
    # it may well be below 0: the mean of all other folds is low where a fold is high
    assert make_profile([*noise, *CASES[::5]], PARAMS).expected_dice.rank_correlation < 0.25


def test_the_same_cases_give_the_same_profile() -> None:
    assert make_profile(CASES, PARAMS) == PROFILE


def test_too_few_groups_are_told_with_a_way_out() -> None:
    with pytest.raises(BreastsegError, match=r"4 groups.*monitoring\.folds asks for 5.*Lower"):
        make_profile(CASES[:8], PARAMS)
