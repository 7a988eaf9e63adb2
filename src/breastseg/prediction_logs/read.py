"""Reads predictions back, wherever they lie: parts as the service leaves them, packed files, or both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.monitoring.prediction_log import PARTS
from breastseg.prediction_logs.parquet import decode_predictions
from breastseg.prediction_logs.parts import decode_part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from breastseg.monitoring.prediction import Prediction
    from breastseg.prediction_logs.store import Store

_PACKED = "**/*.parquet"


@dataclass(frozen=True)
class Period:
    """A stretch of time.

    Attributes:
        since: Its first moment; None: as early as there is anything.
        until: The first moment after it; None: without an end.
    """

    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, moment: datetime) -> bool:
        """Tell whether a moment lies in it."""
        return (self.since is None or self.since <= moment) and (self.until is None or moment < self.until)

    def __str__(self) -> str:
        """Say it in words."""
        since = f"from {self.since:%Y-%m-%d %H:%M}" if self.since else "from the beginning"
        return f"{since} until {self.until:%Y-%m-%d %H:%M}" if self.until else f"{since} until now"


def read_predictions(store: Store) -> list[Prediction]:
    """Return all predictions of a place, the earliest first.

    Raises:
        BreastsegError: There are none.
        ProblemsError: Files are damaged; all of them are named.
    """
    found: list[Prediction] = []
    problems: list[Problem] = []
    parts = store.names(PARTS)
    for name in parts:
        try:
            found += decode_part(store.read(name), name).predictions
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise ProblemsError("The prediction log does not hold", problems)
    # a part that was packed beside itself and not yet removed counts once
    unpacked = {PurePosixPath(name).stem for name in parts}
    for name in store.names(_PACKED):
        if PurePosixPath(name).stem not in unpacked:
            found += decode_predictions(store.read(name), name)
    if not found:
        raise BreastsegError(f"{store.place} holds no predictions. Name the folder or bucket that they were kept in")
    return sorted(found, key=lambda prediction: (prediction.time, prediction.request_id, prediction.index))


def within(predictions: Sequence[Prediction], period: Period) -> list[Prediction]:
    """Return those of a period."""
    return [prediction for prediction in predictions if prediction.time in period]
