"""Shows an operator what the service would run with, and where each value comes from; never a secret."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, get_args

from pydantic import SecretStr

from breastseg.errors import BreastsegError
from breastseg.serving.answering import Answering
from breastseg.serving.key_ring import KeyRing
from breastseg.serving.one_owner import hold
from breastseg.serving.opened_model import OpenedModel
from breastseg.serving.server import require_address
from breastseg.serving.service import open_prediction_log
from breastseg.serving.settings import PREFIX, Settings, given, load_settings, unknown_variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic.fields import FieldInfo

_SECRET = "***"  # noqa: S105 - what stands in place of one


def show_config(**options: object) -> str:
    """Return a line a setting: its variable, its value, and where that comes from: an option, the environment, default.

    Variables that look like settings and are none follow, then a model that failed its quality gate, and what keeps the
    service from starting, if anything does: all but answering is tried, so that folders which are missing are made.

    Args:
        **options: As of `load_settings`.
    """
    # the environment is read whatever the case of its names, and empty ones are as good as none
    environment = {name.upper(): value for name, value in os.environ.items() if value}
    rows = [_row(name, field, given(options), environment) for name, field in Settings.model_fields.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{variable:<{widths[0]}}  {value:<{widths[1]}}  {source}" for variable, value, source in rows]
    return "\n".join([*lines, *unknown_variables(), *_findings(options)])


def _row(name: str, field: FieldInfo, options: dict[str, object], environment: dict[str, str]) -> tuple[str, str, str]:
    variable = f"{PREFIX}{name.upper()}"
    if name in options:
        return variable, _shown(options[name], field), f"option --{name}"
    if variable in environment:
        return variable, _shown(environment[variable], field), "environment"
    return (
        variable,
        _shown(field.get_default(call_default_factory=True), field),
        "required" if field.is_required() else "default",
    )


def _shown(value: object, field: FieldInfo) -> str:
    if value is None or value == () or (field.is_required() and value is field.get_default()):
        return "(unset)"
    if SecretStr in (field.annotation, *get_args(field.annotation)):
        return _SECRET
    return str(value).lower() if isinstance(value, bool) else str(value)


def _findings(options: dict[str, object]) -> list[str]:
    """Say what keeps the service from starting, invalid settings or all that they lead to, and what to know of it."""
    try:
        settings = load_settings(**options)
    except BreastsegError as error:
        return [str(error)]
    steps = (KeyRing.of, _open_model, open_prediction_log, _hold_counts, _look_at_address)
    return [found for step in steps if (found := _finding(step, settings))]


def _finding(step: Callable[[Settings], object], settings: Settings) -> str | None:
    """Return the text of a step's error, else the text that it returns."""
    try:
        found = step(settings)
    except BreastsegError as error:
        return str(error)
    return found if isinstance(found, str) else None


def _open_model(settings: Settings) -> str | None:
    """Load the model, and the counts of its traffic; returns a warning where it failed its quality gate."""
    answering = Answering.of(OpenedModel.load(settings.model, settings.threads), settings)
    return answering.model.contract.gate_warning


def _hold_counts(settings: Settings) -> None:
    if settings.drift_state:
        hold(settings.drift_state).close()


def _look_at_address(settings: Settings) -> None:
    require_address(settings.host, settings.port)
