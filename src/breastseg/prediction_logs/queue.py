"""Chooses whose images people should outline next: those that the model doubts, and some by chance.

The doubtful ones teach a next model most; the ones by chance are drawn from all answers, before the doubtful ones, and
tell what the Dice of all traffic is, which the doubtful ones would make too low.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING, Literal

from breastseg.monitoring.answer_features import EMPTY

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from breastseg.monitoring.prediction import Prediction

Reason = Literal["out of distribution", "unsure", "by chance"]
BY_CHANCE: Reason = "by chance"


@dataclass(frozen=True)
class Wish:
    """An image that should be outlined; a row of queue.csv.

    Attributes:
        request_id: Of the answer; who keeps the images finds it under this id.
        index: Place of the file in a request of several, from 0.
        time: When it was answered.
        reason: Why.
        novelty: See `Prediction`, as is the next.
        expected_dice: The same.
    """

    request_id: str
    index: int
    time: datetime
    reason: Reason
    novelty: float | None
    expected_dice: float | None


def choose(
    predictions: Sequence[Prediction], count: int, chance_share: float, outlined: Container[tuple[str, int]] = ()
) -> list[Wish]:
    """Choose images, the doubtful ones first; the same predictions give the same choice.

    Args:
        predictions: To choose from.
        count: Most images.
        chance_share: Share of them that is drawn by chance, 0..1.
        outlined: Request id and index of those that have been outlined already; they are left out.
    """
    predictions = [p for p in predictions if (p.request_id, p.index) not in outlined]
    drawn = sorted(predictions, key=_lot)[: round(min(count, len(predictions)) * chance_share)]
    taken = {_place(prediction) for prediction in drawn}
    others = sorted((p for p in predictions if _place(p) not in taken), key=_certainty)[: count - len(drawn)]
    return [_wish(p, _reason(p)) for p in others] + [_wish(p, BY_CHANCE) for p in drawn]


def _certainty(prediction: Prediction) -> tuple[bool, float]:
    """Sort what is out of distribution first, the strangest at the top, then by how unsure the answer is.

    Of an answer without a lesion that is the soft Dice, roughly the probability that there is none.
    """
    if prediction.out_of_distribution:
        return False, -(prediction.novelty or 0.0)
    features = prediction.features
    sure = features.get("soft_dice") if features.get(EMPTY) else prediction.expected_dice
    return True, 1.0 if sure is None else sure


def _lot(prediction: Prediction) -> bytes:
    """Return a number that has nothing to do with the image, and is the same each time."""
    return hashlib.sha256(repr(_place(prediction)).encode()).digest()


def _place(prediction: Prediction) -> tuple[str, int, datetime]:
    return prediction.request_id, prediction.index, prediction.time


def _reason(prediction: Prediction) -> Reason:
    return "out of distribution" if prediction.out_of_distribution else "unsure"


def _wish(prediction: Prediction, reason: Reason) -> Wish:
    return Wish(*_place(prediction), reason, prediction.novelty, prediction.expected_dice)
