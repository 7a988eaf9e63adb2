"""A window counts what is in it and nothing else, and tells what differs from what does not."""

from __future__ import annotations

import numpy as np
import pytest

from breastseg.monitoring.drift import bin_of
from breastseg.monitoring.observation import Observation
from breastseg.monitoring.profile import Distribution, Profile
from breastseg.monitoring.watch import Assessment
from breastseg.monitoring.windows import OUT_OF_DISTRIBUTION, Drift, Horizon, Rules, Window, WindowState
from tests.monitoring.profiles import make_profile

HOUR = Horizon("hour", 3600, 12)
RULES = Rules(fewest=40, level=0.05)
RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(size=150)
EDGES = tuple(np.quantile(REFERENCE, np.arange(1, 10) / 10))


def distribution_of(values: np.ndarray) -> Distribution:
    counts, _ = np.histogram(values, [-np.inf, *EDGES, np.inf])
    return Distribution(edges=EDGES, shares=tuple(counts / len(values)), n=len(values))


FEATURES = tuple(f"feature {number}" for number in range(20))
PROFILE: Profile = make_profile(4).model_copy(
    update={"images": 150, "distributions": dict.fromkeys(FEATURES, distribution_of(REFERENCE))}
)


def make_assessment(shift: float = 0.0, *, out: bool = False, undefined: bool = False) -> Assessment:
    """One image, of whose features the first is shifted."""
    image = dict(zip(FEATURES, RNG.normal(size=20).tolist(), strict=True))
    image[FEATURES[0]] += shift
    answer: dict[str, float | None] = {FEATURES[1]: None} if undefined else {}
    return Assessment(Observation(image, answer, np.zeros(4, np.float32)), 1.4, out, 0.75)


def filled(images: int, shift: float = 0.0, out_share: float = 0.0) -> Window:
    window = Window(PROFILE, HOUR, RULES)
    for number in range(images):
        window.add(make_assessment(shift, out=number < out_share * images), now=1e9 + number)
    return window


def test_few_images_are_not_judged() -> None:
    assert not filled(39).drift().enough
    assert filled(39, shift=9).drift().features == {}
    assert filled(40).drift().enough


def test_nothing_has_no_mean() -> None:
    drift = Window(PROFILE, HOUR, RULES).drift()
    assert (drift.images, drift.out_of_distribution_share, drift.expected_dice, drift.drifted) == (0, None, None, False)


def test_the_feature_that_has_shifted_is_named() -> None:
    drift = filled(100, shift=1.5).drift()
    assert [name for name, found in drift.features.items() if found.drifted] == [FEATURES[0]]
    shifted, other = drift.features[FEATURES[0]], drift.features[FEATURES[1]]
    assert shifted.psi is not None
    assert other.psi is not None
    assert shifted.psi > 0.5 > other.psi
    assert drift.drifted
    assert drift.images == 100
    assert drift.expected_dice == pytest.approx(0.75)


def test_images_out_of_distribution_are_drift_when_they_are_many() -> None:
    # the profile's own share is 5 %
    assert not filled(100, out_share=0.06).drift().features[OUT_OF_DISTRIBUTION].drifted
    drift = filled(100, out_share=0.2).drift()
    assert drift.features[OUT_OF_DISTRIBUTION].drifted
    assert drift.out_of_distribution_share == pytest.approx(0.2)


def test_of_windows_like_the_reference_at_most_the_level_is_called_drifted() -> None:
    """References differ from window to window, as they would from model to model."""
    alarms = 0
    for _ in range(300):
        reference = RNG.normal(size=(150, len(FEATURES)))
        distributions = {name: distribution_of(column) for name, column in zip(FEATURES, reference.T, strict=True)}
        window = Window(PROFILE.model_copy(update={"distributions": distributions}), HOUR, RULES)
        for number in range(60):
            window.add(make_assessment(out=bool(RNG.random() < 0.05)), now=1e9 + number)
        alarms += window.drift().drifted
    assert alarms <= 0.05 * 300 + 2 * np.sqrt(300 * 0.05 * 0.95)


def test_answers_without_a_lesion_have_a_control_chart() -> None:
    empty = Distribution(edges=(1.0,), shares=(0.9, 0.1), n=150)
    profile = PROFILE.model_copy(update={"distributions": {"empty": empty}})

    def drift(ones: int) -> Drift:
        window = Window(profile, HOUR, RULES)
        for number in range(100):
            seen = Observation({}, {"empty": float(number < ones)}, np.zeros(4, np.float32))
            window.add(Assessment(seen, 1.4, out_of_distribution=False, expected_dice=0.75), now=1e9)
        return window.drift()

    usual, unusual = drift(12).empty_rate, drift(35).empty_rate
    assert usual is not None
    assert unusual is not None
    assert (usual.share, unusual.share) == (0.12, 0.35)
    assert usual.lower < usual.share < usual.upper < unusual.share
    assert drift(35).features["empty"].drifted
    assert not drift(12).features["empty"].drifted
    assert filled(100).drift().empty_rate is None


def test_windows_of_alike_images_are_not_called_drifted_more_often_than_the_level() -> None:
    """Every image comes three times, in the reference and in the window, as the images of a patient may."""
    alarms = 0
    for _ in range(200):
        reference = RNG.normal(size=(50, len(FEATURES))).repeat(3, axis=0)
        distributions = {name: distribution_of(column) for name, column in zip(FEATURES, reference.T, strict=True)}
        window = Window(PROFILE.model_copy(update={"distributions": distributions, "design_effect": 3.0}), HOUR, RULES)
        for _ in range(20):
            assessment = make_assessment(out=bool(RNG.random() < 0.05))
            for _ in range(3):
                window.add(assessment, now=1e9)
        alarms += window.drift().drifted
    assert alarms <= 0.05 * 200 + 2 * np.sqrt(200 * 0.05 * 0.95)


def test_images_of_a_group_weaken_every_judgement() -> None:
    empty = Distribution(edges=(0.5,), shares=(0.9, 0.1), n=150)

    def drift(design_effect: float) -> Drift:
        distributions = {**PROFILE.distributions, "empty": empty}
        window = Window(
            PROFILE.model_copy(update={"distributions": distributions, "design_effect": design_effect}), HOUR, RULES
        )
        for number in range(100):
            image = {**make_assessment(shift=1).observation.image, "empty": float(number < 25)}
            seen = Observation(image, {}, np.zeros(4, np.float32))
            window.add(Assessment(seen, 1.4, out_of_distribution=number < 15, expected_dice=0.75), now=1e9)
        return window.drift()

    alone, alike = drift(1), drift(4)
    for name in (FEATURES[0], "empty", OUT_OF_DISTRIBUTION):
        assert alone.features[name].p_value < alike.features[name].p_value
    assert alone.empty_rate is not None
    assert alike.empty_rate is not None
    assert alike.empty_rate.lower <= alone.empty_rate.lower
    assert alike.empty_rate.upper > alone.empty_rate.upper


def test_examinations_of_many_images_may_be_told() -> None:
    """Every image comes ten times, in the traffic only."""

    def alarms(design_effect: float | None) -> int:
        found = 0
        for _ in range(50):
            window = Window(PROFILE, HOUR, Rules(fewest=40, level=0.05, design_effect=design_effect))
            for _ in range(6):
                assessment = make_assessment()
                for _ in range(10):
                    window.add(assessment, now=1e9)
            found += window.drift().drifted
        return found

    assert alarms(None) > 40
    assert alarms(10.0) <= 5


def test_expected_dice_is_the_mean_of_answers_that_have_one() -> None:
    window = Window(PROFILE, HOUR, RULES)
    for place in range(50):
        seen = Observation(dict.fromkeys(FEATURES, 0.0), {"empty": float(place >= 10)}, np.zeros(4, np.float32))
        expected = None if place >= 10 else 0.8
        window.add(Assessment(seen, 1.4, out_of_distribution=place >= 40, expected_dice=expected), now=1e9)
    assert window.drift().expected_dice == pytest.approx(0.8)


def test_slots_are_forgotten_one_by_one_as_the_time_goes_on() -> None:
    window = Window(PROFILE, HOUR, RULES)
    start = 3600.0 * 1000
    for slot in range(12):
        window.add(make_assessment(), start + 300 * slot)
    seen = []
    for minutes in (59, 60, 65, 90, 119, 120):
        window.move_on(start + 60 * minutes)
        seen.append(window.drift().images)
    assert seen == [12, 11, 10, 5, 0, 0]


def test_a_clock_that_is_set_back_a_little_forgets_nothing() -> None:
    window = filled(50)
    window.add(make_assessment(), now=1e9 - 600)
    assert window.drift().images == 51


def test_a_clock_that_was_far_ahead_freezes_nothing() -> None:
    window = Window(PROFILE, HOUR, RULES)
    window.add(make_assessment(), now=2e9)
    for number in range(50):
        window.add(make_assessment(shift=3), now=1e9 + number)
    assert window.drift().images == 50
    assert window.drift().drifted
    window.move_on(1e9 + 7200)
    assert window.drift().images == 0


def test_a_feature_that_is_not_defined_is_not_counted() -> None:
    window = Window(PROFILE, HOUR, RULES)
    for number in range(60):
        window.add(make_assessment(undefined=number % 2 == 0), now=1e9)
    assert FEATURES[1] not in window.drift().features
    assert FEATURES[2] in window.drift().features


def test_counts_come_back_from_their_state() -> None:
    window, other = filled(70, shift=2), Window(PROFILE, HOUR, RULES)
    other.restore(WindowState.model_validate(window.state()), 1e9)
    assert other.drift() == window.drift()
    smaller = Window(make_profile(4), HOUR, RULES)
    with pytest.raises(ValueError, match="the counts are"):
        smaller.restore(WindowState.model_validate(window.state()), 1e9)


def test_a_value_on_an_edge_belongs_above_it() -> None:
    distribution = Distribution(edges=(1.0, 2.0), shares=(0.2, 0.3, 0.5), n=10)
    assert [bin_of(distribution, value) for value in (0.9, 1.0, 1.5, 2.0, 9.0)] == [0, 1, 1, 2, 2]
