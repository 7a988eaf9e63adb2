"""Watches the traffic of one model: windows over the last hour and day, alarms that neither flicker nor forget.

It may be used from several threads. What it has counted is written to a file every few minutes and at the end, so that
a restart forgets nothing and a kill little.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, ValidationError

from breastseg.errors import BreastsegError
from breastseg.files import replacing
from breastseg.monitoring.windows import HORIZONS, Drift, Window, WindowState

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.monitoring.profile import Profile
    from breastseg.monitoring.watch import Assessment
    from breastseg.monitoring.windows import Rules

_log = logging.getLogger(__name__)


class Alarm:
    """Is raised by some judgements in a row that are sure of drift, and lowered by as many that see none.

    Args:
        looks: How many.
        level: Largest p-value of one that is sure.
        slots: Looks in a row without a judgement after which a raised one is lowered: nothing is known any more.
    """

    def __init__(self, looks: int, level: float, slots: int) -> None:
        self._looks, self._level, self._slots = looks, level, slots
        self._against = self._blind = 0
        self.raised = False

    def hear(self, drift: Drift) -> None:
        """Take a judgement, or that there was none for want of images."""
        self._blind = 0 if drift.enough else self._blind + 1
        if self._blind >= self._slots:
            self.raised, self._against = False, 0
        if drift.enough:
            against = not drift.drifted if self.raised else drift.smallest_p < self._level
            self._against = self._against + 1 if against else 0
            if self._against >= self._looks:
                self.raised, self._against = not self.raised, 0

    def reason(self, drift: Drift, fewest: int) -> str:
        """Say why the alarm is raised or not.

        Args:
            drift: The window now.
            fewest: Images below which it is not evaluated.
        """
        if not drift.enough:
            few = f"{drift.images} of at least {fewest} images: too few to be evaluated."
            lowered = f" {self._slots} times in a row lower a raised alarm, {self._blind} so far."
            return few + lowered if self.raised else few
        names = ", ".join(sorted(name.replace("_", " ") for name, found in drift.features.items() if found.drifted))
        differ, row = f"These features differ from the reference: {names}.", f"{self._looks} evaluations in a row"
        if self.raised:
            now = differ if names else "No feature differs from the reference now."
            return f"{now} {row} without a difference lower the alarm, {self._against} so far."
        if not names:
            return "No feature differs from the reference by more than chance."
        if drift.smallest_p >= self._level:
            needed = f"An alarm needs a p-value below {self._level:.3g}, the smallest is {drift.smallest_p:.3g}."
            return f"{differ} {needed}"
        return f"{differ} {row} with a p-value below {self._level:.3g} raise the alarm, {self._against} so far."

    def state(self) -> dict[str, object]:
        """Return what is kept over a restart."""
        return {"raised": self.raised, "against": self._against, "blind": self._blind}

    def restore(self, state: AlarmState) -> None:
        """Go on from there."""
        if state.against >= self._looks:
            raise ValueError(f"{state.against} evaluations in a row would have changed the alarm before")
        self.raised, self._against, self._blind = state.raised, state.against, state.blind


@dataclass(frozen=True)
class Status:
    """A window now.

    Attributes:
        drift: How it differs from the reference.
        alarm: Whether its alarm is raised.
        reason: Why, in a sentence or two.
        next_evaluation: When it is evaluated for the alarm next, in seconds since 1970.
    """

    drift: Drift
    alarm: bool
    reason: str
    next_evaluation: float


# far beyond what a service lives to see
_MOST_LOOKS = 10**12


class AlarmState(BaseModel):
    """What is kept of an alarm over a restart."""

    raised: bool
    against: int = Field(ge=0, le=_MOST_LOOKS)
    blind: int = Field(ge=0, le=_MOST_LOOKS)


class MonitorState(BaseModel):
    """What is kept over a restart.

    Attributes:
        contract_sha256: The model whose traffic it is.
        windows: By the horizon's name.
        alarms: The same.
    """

    contract_sha256: str
    windows: dict[str, WindowState]
    alarms: dict[str, AlarmState]


class Monitor:
    """The windows of one model.

    Args:
        profile: The model's reference.
        contract_sha256: Tells the model from others.
        rules: When windows are judged, and how.
        file: Where counts are kept; None keeps them in memory only.

    Raises:
        BreastsegError: The file cannot be read, or holds something else.
    """

    def __init__(self, profile: Profile, contract_sha256: str, rules: Rules, file: Path | None) -> None:
        self._contract_sha256, self._file, self._fewest = contract_sha256, file, rules.fewest
        self._windows = {horizon.name: Window(profile, horizon, rules) for horizon in HORIZONS}
        self._alarms = {
            horizon.name: Alarm(rules.looks, rules.alarm_level(horizon), horizon.slots) for horizon in HORIZONS
        }
        self._lock, self._writing = threading.Lock(), threading.Lock()
        if file is not None and file.exists():
            self._restore(file)

    def add(self, assessment: Assessment, now: float) -> None:
        """Count an image; `now` is in seconds since 1970."""
        with self._lock:
            moved_on = self._look(now)
            for window in self._windows.values():
                window.add(assessment, now)
        if moved_on:
            self.save(wait=False)

    def status(self, now: float) -> dict[str, Status]:
        """Return each window and its alarm, by the horizon's name."""
        with self._lock:
            moved_on = self._look(now)
            found = {name: self._status(name, window) for name, window in self._windows.items()}
        # else a scraper, which looks more often than images come, would see each slot end, and nothing were kept
        if moved_on:
            self.save(wait=False)
        return found

    def _status(self, name: str, window: Window) -> Status:
        drift, alarm = window.drift(), self._alarms[name]
        return Status(drift, alarm.raised, alarm.reason(drift, self._fewest), window.next_slot)

    def save(self, *, wait: bool = True) -> None:
        """Keep the counts; a file that cannot be written is told in the log, and requests go on.

        Args:
            wait: For another thread that writes them just now; else they are kept with the next slot.
        """
        if self._file is None or not self._writing.acquire(blocking=wait):
            return
        try:
            # images are counted meanwhile
            with self._lock:
                state = json.dumps(self._state())
            with replacing(self._file) as partial:
                partial.write_text(state, encoding="utf-8")
        except OSError:
            _log.exception("What monitoring has counted cannot be kept over a restart")
        finally:
            self._writing.release()

    def _state(self) -> dict[str, object]:
        windows = {name: window.state() for name, window in self._windows.items()}
        alarms = {name: alarm.state() for name, alarm in self._alarms.items()}
        return {"contract_sha256": self._contract_sha256, "windows": windows, "alarms": alarms}

    def _look(self, now: float) -> bool:
        """Judge each window at the end of each slot, before its oldest one is forgotten; tell if any has ended."""
        looked = False
        for name, window in self._windows.items():
            for drift in window.ended(now):
                looked = True
                self._hear(name, drift)
        return looked

    def _hear(self, name: str, drift: Drift) -> None:
        alarm = self._alarms[name]
        was = alarm.raised
        alarm.hear(drift)
        if alarm.raised and not was:
            drifted = sorted(feature for feature, found in drift.features.items() if found.drifted)
            _log.warning("Images of the last %s differ from the reference: %s", name, ", ".join(drifted))
        elif was and not alarm.raised:
            reason = "are like the reference again" if drift.enough else "are too few to be judged any more"
            _log.info("Images of the last %s %s", name, reason)

    def _restore(self, file: Path) -> None:
        try:
            state = MonitorState.model_validate_json(file.read_bytes(), strict=True)
            if state.contract_sha256 != self._contract_sha256:
                _log.info("%s is of another model: counting begins anew", file.name)
                return
            for name, window in self._windows.items():
                window.restore(state.windows[name], time.time())
                self._alarms[name].restore(state.alarms[name])
        except (OSError, ValidationError, ValueError, KeyError) as error:
            why = _in_words(error)
            raise BreastsegError(
                f"{file} holds no counts of this service ({why}). Remove it, or name another file"
            ) from error


def _in_words(error: Exception) -> str:
    """Say what is wrong with a file of counts; of several faults the first."""
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"]))
        return f"{where}: {fault['msg']}" if where else fault["msg"]
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)
