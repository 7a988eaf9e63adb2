"""Counts what has gone by in the last hour and the last day, in little memory, and holds it against the reference."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BaseModel, Field

from breastseg.monitoring.answer_features import EMPTY, YES_OR_NO
from breastseg.monitoring.drift import (
    Ones,
    benjamini_hochberg,
    bin_of,
    control_limits,
    fisher_exact,
    kolmogorov_smirnov,
    ones_of,
    population_stability_index,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from breastseg.monitoring.profile import Distribution, Profile
    from breastseg.monitoring.watch import Assessment

    Counts = npt.NDArray[np.int64]

# how many columns come before the bins: images, those out of distribution, answers with a lesion, their expected Dice
_SUMS = 4
OUT_OF_DISTRIBUTION = "out_of_distribution"
"""What the share of images that are out of distribution is called among the features."""


@dataclass(frozen=True)
class Horizon:
    """How far a window looks back.

    Attributes:
        name: For people.
        seconds: Its length.
        slots: Parts that it is moved on by.
    """

    name: str
    seconds: float
    slots: int


_DAY_S = 86_400.0
HORIZONS = (Horizon("hour", 3600, 12), Horizon("day", _DAY_S, 24))


@dataclass(frozen=True)
class Rules:
    """When a window is judged, and how.

    Attributes:
        fewest: Images below which nothing is judged, at least 1.
        level: Largest probability of calling a window drifted that is like the reference; also the largest probability
            of an alarm on a day without drift.
        looks: Judgements in a row, a slot apart, that raise an alarm or lower it.
        design_effect: So many images of the traffic tell as much as one, for those of an examination are alike; never
            fewer than in the reference, and as many without it.
    """

    fewest: int
    level: float
    looks: int = 2
    design_effect: float | None = None

    def alarm_level(self, horizon: Horizon) -> float:
        """Return the p-value below which a judgement may raise an alarm.

        The level of a day, shared out over all of its judgements (Bonferroni), however alike neighbouring ones are.
        """
        looks_a_day = _DAY_S / horizon.seconds * horizon.slots
        return self.level / (looks_a_day * len(HORIZONS))


# far beyond what a service counts in an hour or a day, and exact as a float
_MOST = 10**12
Count = Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)]


class WindowState(BaseModel):
    """The counts of a window as they are kept over a restart.

    Attributes:
        newest: Number of the newest slot since 1970.
        slots: `[slots, 4 + bins]`.
    """

    newest: int = Field(ge=0, le=_MOST)
    slots: list[list[Count]]


@dataclass(frozen=True)
class FeatureDrift:
    """How one feature of a window differs from the reference.

    Attributes:
        psi: Population stability index; of the share out of distribution, None.
        p_value: Adjusted after Benjamini and Hochberg over all features of the window.
        drifted: Whether that is below the level.
    """

    psi: float | None
    p_value: float
    drifted: bool


@dataclass(frozen=True)
class Rate:
    """A share on a control chart.

    Attributes:
        share: In the window, 0..1.
        lower: Limits, between which it is nearly always while nothing has changed; see `control_limits`.
        upper: The same.
    """

    share: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Drift:
    """A window against the reference.

    Attributes:
        images: Number of images in the window.
        enough: Whether they are enough to be judged; if not, no feature is.
        out_of_distribution_share: Share of the images that are; None without any.
        expected_dice: Mean over answers with a lesion; None without any.
        empty_rate: Share of answers without a lesion, on its control chart; None without any image.
        features: By name, also `out_of_distribution`.
        drifted: Whether any feature has.
    """

    images: int
    enough: bool
    out_of_distribution_share: float | None
    expected_dice: float | None
    empty_rate: Rate | None
    features: dict[str, FeatureDrift]

    @property
    def smallest_p(self) -> float:
        """The surest feature's p-value; 1 without any."""
        return min((feature.p_value for feature in self.features.values()), default=1.0)

    @property
    def drifted(self) -> bool:
        """Whether any feature has: of windows like the reference, at most the level's share are called so."""
        return any(feature.drifted for feature in self.features.values())


class Window:
    """Counts over one horizon; a slot that is older than the horizon is forgotten.

    Args:
        profile: What is counted, and the reference.
        horizon: How far back.
        rules: When a window is judged, and how.
    """

    def __init__(self, profile: Profile, horizon: Horizon, rules: Rules) -> None:
        self._profile, self._horizon, self._rules = profile, horizon, rules
        sizes = [len(distribution.shares) for distribution in profile.distributions.values()]
        *self._starts, bins = accumulate(sizes, initial=0)
        # see `_SUMS`, then the bins of all features
        self._slots = np.zeros((horizon.slots, _SUMS + bins))
        self._window_effect = max(profile.design_effect, rules.design_effect or 1.0)
        self._newest = 0

    def add(self, assessment: Assessment, now: float) -> None:
        """Count an image.

        Args:
            assessment: The image.
            now: Seconds since 1970; what is older than the newest slot is counted in that.
        """
        self.move_on(now)
        slot = self._slots[self._newest % self._horizon.slots]
        features = assessment.observation.features
        expected = assessment.expected_dice
        slot[:_SUMS] += (1, assessment.out_of_distribution, expected is not None, expected or 0)
        for start, (name, distribution) in zip(self._starts, self._profile.distributions.items(), strict=True):
            value = features[name]
            if value is not None:
                slot[_SUMS + start + bin_of(distribution, value)] += 1

    def ended(self, now: float) -> Iterator[Drift]:
        """Yield what the window said at the end of each slot that has ended by now, and move on past it.

        Of a time of more than two horizons, after which nothing is left to be said, the first two are told.
        """
        first, current = self._newest + 1, self._number(now)
        for number in range(first, min(current, self._newest + 2 * self._horizon.slots) + 1):
            yield self.drift()
            self._move_to(number)
        self._move_to(current)

    @property
    def next_slot(self) -> float:
        """When the newest slot ends, in seconds since 1970."""
        return (self._newest + 1) * self._horizon.seconds / self._horizon.slots

    def move_on(self, now: float) -> None:
        """Forget slots that the time has left behind; a clock that is set back a little forgets nothing."""
        self._move_to(self._number(now))

    def _move_to(self, current: int) -> None:
        if current <= self._newest - self._horizon.slots:
            # it was ahead by a horizon or more: else nothing would be counted or judged until that time comes
            self._slots[:], self._newest = 0, current
        for number in range(max(self._newest + 1, current - self._horizon.slots + 1), current + 1):
            self._slots[number % self._horizon.slots] = 0
        self._newest = max(self._newest, current)

    def _number(self, now: float) -> int:
        return int(now / self._horizon.seconds * self._horizon.slots)

    def drift(self) -> Drift:
        """Hold what is in the window against the reference."""
        (images, out, known, expected), bins = np.split(self._slots.sum(axis=0), [_SUMS])
        counts = bins.astype(np.int64)
        enough = bool(images >= self._rules.fewest)
        return Drift(
            images=int(images),
            enough=enough,
            out_of_distribution_share=float(out / images) if images else None,
            expected_dice=float(expected / known) if known else None,
            empty_rate=self._empty_rate(counts),
            features=self._judge(counts, int(images), int(out)) if enough else {},
        )

    def shares(self) -> dict[str, list[float]]:
        """Return the share of the window's images in each bin, by feature; those that it is not defined for apart."""
        counts = self._slots.sum(axis=0)[_SUMS:].astype(np.int64)
        return {name: (own / max(1, own.sum())).tolist() for name, (_, own) in self._of_features(counts).items()}

    def state(self) -> dict[str, object]:
        """Return all counts, for `restore`."""
        return {"newest": self._newest, "slots": self._slots.tolist()}

    def restore(self, state: WindowState, now: float) -> None:
        """Take the counts of `state`, which has to be of the same profile and horizon, and no later than `now`."""
        # a clock that is set back by a slot is no damage
        if state.newest > self._number(now) + 1:
            raise ValueError("it counts images of a time that is still to come")
        slots = np.array(state.slots)
        if slots.shape != self._slots.shape:
            raise ValueError(f"the counts are {slots.shape}, not {self._slots.shape}")
        images, out, known, expected = slots[:, :_SUMS].T
        whole = np.delete(slots, _SUMS - 1, axis=1)
        if (whole != np.floor(whole)).any() or (np.maximum(out, known) > images).any() or (expected > known).any():
            raise ValueError("the counts contradict each other")
        for _, own in self._of_features(slots[:, _SUMS:].T).values():
            if (own.sum(axis=0) > images).any():
                raise ValueError("bins hold more images than there were")
        self._slots, self._newest = slots, state.newest

    def _of_features(self, counts: Counts) -> dict[str, tuple[Distribution, Counts]]:
        """Return each feature's reference with its own part of all counts."""
        return {
            name: (distribution, counts[start : start + len(distribution.shares)])
            for start, (name, distribution) in zip(self._starts, self._profile.distributions.items(), strict=True)
        }

    def _empty_rate(self, counts: Counts) -> Rate | None:
        distribution, own = self._of_features(counts).get(EMPTY, (None, counts[:0]))
        if distribution is None or not own.any():
            return None
        seen, usual = _ones(distribution, own), ones_of(distribution).thinned(self._profile.design_effect)
        limits = control_limits(usual, seen.thinned(self._window_effect).images)
        return Rate(seen.ones / seen.images, *limits)

    def _judge(self, counts: Counts, images: int, out: int) -> dict[str, FeatureDrift]:
        found: dict[str, tuple[float | None, float]] = {
            name: (population_stability_index(distribution, own), self._p_value(name, distribution, own))
            for name, (distribution, own) in self._of_features(counts).items()
            # of features that are not defined for every image, such as a lesion's shape, there may be few
            if own.sum() >= self._rules.fewest
        }
        usual = Ones(round(self._profile.novelty.false_alarm_share * self._profile.images), self._profile.images)
        found[OUT_OF_DISTRIBUTION] = None, self._fisher(Ones(out, images), usual, greater=True)
        adjusted = benjamini_hochberg([p_value for _, p_value in found.values()])
        return {
            name: FeatureDrift(psi, p_value, p_value < self._rules.level)
            for (name, (psi, _)), p_value in zip(found.items(), adjusted, strict=True)
        }

    def _p_value(self, name: str, distribution: Distribution, counts: Counts) -> float:
        if name in YES_OR_NO:
            return self._fisher(_ones(distribution, counts), ones_of(distribution))
        return kolmogorov_smirnov(distribution, counts, (self._profile.design_effect, self._window_effect))[1]

    def _fisher(self, window: Ones, reference: Ones, *, greater: bool = False) -> float:
        seen, usual = window.thinned(self._window_effect), reference.thinned(self._profile.design_effect)
        return fisher_exact(seen, usual, greater=greater)


def _ones(distribution: Distribution, counts: Counts) -> Ones:
    return Ones(int(counts[bin_of(distribution, 1.0) :].sum()), int(counts.sum()))
