"""Foretells the Dice of an answer from how sure the network is of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.monitoring.answer_features import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breastseg.monitoring.profile import ExpectedDice

FEATURES = ("soft_dice", "peak", "margin", "doubt_share", "outline_entropy")
"""What the Dice of an answer with a lesion is foretold from."""


def foretell(line: ExpectedDice, features: Mapping[str, float | None]) -> float:
    """Return the Dice that is to be expected if the image shows a lesion, 0..1; 0 for an answer without one.

    Args:
        line: The part of a model's profile.
        features: Of the answer; None where undefined.
    """
    if features[EMPTY]:
        return 0.0
    dice = line.intercept
    for name, fill, weight in zip(line.features, line.fill, line.weights, strict=True):
        value = features[name]
        dice += weight * (fill if value is None else value)
    return min(1.0, max(0.0, dice))
