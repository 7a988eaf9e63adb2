"""Reads predictions back, wherever they lie: parts as the service leaves them, packed files, or both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.monitoring.prediction_log import PARTS
from breastseg.prediction_logs.parquet import decode_predictions
from breastseg.prediction_logs.parts import decode_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from breastseg.inference.contract import Contract
    from breastseg.monitoring.prediction import Prediction
    from breastseg.storage import Store

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

    def __post_init__(self) -> None:
        """Refuse one that no moment lies in.

        Raises:
            BreastsegError: It ends before it begins.
        """
        if self.since and self.until and self.since >= self.until:
            raise BreastsegError(f"No moment is {self}. Name an end that is later than the beginning")

    def __contains__(self, moment: datetime) -> bool:
        """Tell whether a moment lies in it."""
        return (self.since is None or self.since <= moment) and (self.until is None or moment < self.until)

    def overlaps(self, other: Period) -> bool:
        """Tell whether a moment lies in both."""
        return not self._ends_before(other) and not other._ends_before(self)

    def _ends_before(self, other: Period) -> bool:
        return bool(self.until and other.since and self.until <= other.since)

    def joined(self, other: Period) -> Period:
        """Return the shortest period that holds both."""
        firsts, ends = (self.since, other.since), (self.until, other.until)
        return Period(
            None if None in firsts else min(filter(None, firsts)), None if None in ends else max(filter(None, ends))
        )

    def may_hold(self, folder: str) -> bool:
        """Tell whether a packed file in this folder, `date=2026-03-01`, may hold a moment of it.

        A part is called after its first line, and goes on for an hour or two: into the next day at most.
        """
        try:
            first = datetime.fromisoformat(folder.removeprefix("date=")).replace(tzinfo=UTC)
        except ValueError:
            # put there by somebody else
            return True
        after = first + timedelta(days=2)
        return (self.since is None or self.since < after) and (self.until is None or first < self.until)

    def __str__(self) -> str:
        """Say it in words."""
        since = f"from {self.since:%Y-%m-%d %H:%M}" if self.since else "from the beginning"
        return f"{since} until {self.until:%Y-%m-%d %H:%M}" if self.until else f"{since} until now"


class NoPredictionsError(BreastsegError):
    """There is nothing to look at."""


def read_predictions(stores: Sequence[Store], period: Period | None = None) -> list[Prediction]:
    """Return the predictions of some places, the earliest first.

    Args:
        stores: The places; a part that lies packed in another one counts once.
        period: Of packed files, those of other days are not read; predictions outside of it are left out.

    Raises:
        NoPredictionsError: There are none.
        ProblemsError: Places are not there, or files are damaged; all of them are named.
    """
    wanted = period or Period()
    _require(stores)
    found: list[Prediction] = []
    problems: list[Problem] = []
    parts = [(store, name) for store in stores for name in store.names(PARTS)]
    for store, name in parts:
        try:
            found += decode_part(store.read(name), name).predictions
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise ProblemsError("The prediction log does not hold", problems)
    # packed meanwhile, or beside itself and not yet removed
    seen = {PurePosixPath(name).stem for _, name in parts}
    for store in stores:
        for name in store.names(_PACKED):
            if PurePosixPath(name).stem not in seen and wanted.may_hold(PurePosixPath(name).parent.name):
                seen.add(PurePosixPath(name).stem)
                found += decode_predictions(store.read(name), name)
    kept = [prediction for prediction in found if prediction.time in wanted]
    if not kept:
        places = ", ".join(store.place for store in stores)
        raise NoPredictionsError(f"{places}: no predictions {wanted}. Name the place, or a time, that has some")
    return sorted(kept, key=lambda prediction: (prediction.time, prediction.request_id, prediction.index))


def _require(stores: Sequence[Store]) -> None:
    mend = "Name a prediction log, or what `breastseg monitor compact` has packed"
    if missing := [Problem(store.place, "is not there", mend) for store in stores if not store.exists()]:
        raise ProblemsError("Some places cannot be read", missing)


def within(predictions: Sequence[Prediction], period: Period) -> list[Prediction]:
    """Return those of a period."""
    return [prediction for prediction in predictions if prediction.time in period]


def of_model(predictions: Iterable[Prediction], contract: Contract) -> list[Prediction]:
    """Return those that this model gave."""
    # once: hashing the contract takes milliseconds
    own = contract.sha256
    return [prediction for prediction in predictions if prediction.contract_sha256 == own]
