"""Holds kept predictions against a model's reference profile, or those of one period against another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.errors import BreastsegError
from breastseg.evaluation.distributions import distributions_of
from breastseg.monitoring.observation import Observation
from breastseg.monitoring.watch import Assessment
from breastseg.monitoring.windows import Drift, Horizon, Rules, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.monitoring.prediction import Prediction
    from breastseg.monitoring.profile import Profile

# everything is in one slot, however long the period
_ALL = Horizon("all", 1.0, 1)


def judge(predictions: Sequence[Prediction], profile: Profile, rules: Rules) -> Drift:
    """Hold predictions, all of them as one window, against a profile."""
    return filled(predictions, profile, rules).drift()


def filled(predictions: Sequence[Prediction], profile: Profile, rules: Rules) -> Window:
    """Return the window that has counted these predictions."""
    window = Window(profile, _ALL, rules)
    for prediction in predictions:
        window.add(_assessment(prediction), now=0)
    return window


def profile_of(predictions: Sequence[Prediction], profile: Profile) -> Profile:
    """Return a profile whose distributions are those of earlier predictions, for a comparison of two periods.

    Args:
        predictions: At least one.
        profile: Of their model; bins are as many as it has at most.

    Raises:
        BreastsegError: There is no prediction.
    """
    if not predictions:
        raise BreastsegError("The period to compare with has no predictions. Name another one")
    bins = max(len(distribution.shares) for distribution in profile.distributions.values())
    out = float(np.mean([bool(prediction.out_of_distribution) for prediction in predictions]))
    return profile.model_copy(
        update={
            "images": len(predictions),
            "distributions": distributions_of([prediction.features for prediction in predictions], bins),
            "novelty": profile.novelty.model_copy(update={"false_alarm_share": out}),
        }
    )


def _assessment(prediction: Prediction) -> Assessment:
    novelty, out = prediction.novelty, prediction.out_of_distribution
    if novelty is None or out is None:
        raise BreastsegError(
            f"The answer {prediction.request_id} was given without a reference profile, though its model has one. "
            "Leave it out with --since or --until"
        )
    # the embedding is not kept: its part is in the score
    return Assessment(
        Observation({}, prediction.features, np.empty(0, np.float32)), novelty, out, prediction.expected_dice
    )
