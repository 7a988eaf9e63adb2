"""Everything that an operator can set about the service, in one place, read from the environment."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from breastseg.errors import Problem, ProblemsError
from breastseg.inference.cpus import usable_cpus
from breastseg.inference.raster import MAX_PIXELS
from breastseg.serving.exposure import require_guard
from breastseg.serving.json_logs import LogFormat
from breastseg.suggestions import nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "BREASTSEG_"
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?")


class Settings(BaseSettings):
    """The service's settings: each is the environment variable `BREASTSEG_<NAME>`, options of `breastseg serve` win.

    Attributes:
        model: The ONNX file.
        host: Address to listen on; loopback unless told otherwise.
        port: Port to listen on.
        threads: Threads for an image that is alone in work, by default the CPUs that the process may use; of several at
            once each is computed with one.
        concurrency: Images in work at once; more wait. By default one more than the CPUs that the process may use, so
            that one is decoded while the others are computed.
        queue_places: Images that may wait; more are refused with 503.
        inference_timeout_s: Longest time from a request's last byte to its answer, waiting included.
        shutdown_grace_s: Longest time that requests in work are waited for after SIGTERM.
        max_batch_files: Most files in a request to `/v1/segment/batch`.
        max_upload_bytes: Largest request body.
        max_uploads_total_bytes: Most bytes of all requests' bodies together; what comes beyond is refused with 503.
        max_pixels: Largest image, height times width; a small file may hold a large one.
        max_connections: Most connections at once; the oldest idle one makes room for a new one. By default what open
            files allow, at most 1,000.
        header_timeout_s: Seconds for a request's headers to arrive, from the first byte or the connection's beginning.
        body_timeout_s: Seconds for a request's body to arrive.
        api_keys: Keys that are let in, separated by commas: `key`, `name=key`, `sha256:<hex>` or `name=sha256:<hex>`.
        api_keys_file: A file of the same, one a line; read again when it changes.
        allow_anonymous: Let everybody in on an address that is not loopback.
        rate_limit_per_minute: Requests a minute of one key, or of one address where there are no keys; no limit unset.
        rate_limit_burst: Requests at once within that limit; a minute's worth unset.
        cors_origins: Origins whose pages may ask, separated by commas.
        log_format: One JSON object a line, or text for people.
        log_client: Write the client's address to the log.
        tracing: Send OpenTelemetry traces.
        drift_min_images: Images below which a window of the last hour or day is not held against the reference.
        drift_level: Largest probability of calling a window drifted that is like the reference.
        drift_design_effect: So many images of the traffic tell as much as one, for those of an examination are alike;
            never fewer than in the model's reference, and as many unset.
        drift_state: Where counts of the windows are kept, so that a restart forgets nothing; in memory only, unset.
        prediction_log: Folder for a line of each answer, without the image; none is kept, unset.
        prediction_log_share: Share of the answers that get a line, drawn by chance.
        prediction_log_days: Files of such lines that are older are removed.
    """

    # an empty variable is how compose files unset one
    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    model: Path
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8000, ge=1, le=65535)
    threads: int = Field(default_factory=usable_cpus, ge=1)
    concurrency: int = Field(default_factory=lambda: usable_cpus() + 1, ge=1)
    queue_places: int = Field(default=64, ge=0)
    inference_timeout_s: float = Field(default=30, gt=0)
    shutdown_grace_s: int = Field(default=20, ge=0)
    max_batch_files: int = Field(default=32, ge=1)
    max_upload_bytes: int = Field(default=20_000_000, ge=1)
    max_uploads_total_bytes: int = Field(default=400_000_000, ge=1)
    max_pixels: int = Field(default=16_000_000, ge=1, le=MAX_PIXELS)
    max_connections: int | None = Field(default=None, ge=1)
    header_timeout_s: float = Field(default=10, gt=0, allow_inf_nan=False)
    body_timeout_s: float = Field(default=30, gt=0, allow_inf_nan=False)
    api_keys: SecretStr | None = None
    api_keys_file: Path | None = None
    allow_anonymous: bool = False
    rate_limit_per_minute: int | None = Field(default=None, ge=1)
    rate_limit_burst: int | None = Field(default=None, ge=1)
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    log_format: LogFormat = "json"
    log_client: bool = False
    tracing: bool = False
    drift_min_images: int = Field(default=50, ge=1)
    drift_level: float = Field(default=0.05, gt=0, lt=1)
    drift_design_effect: float | None = Field(default=None, ge=1, allow_inf_nan=False)
    drift_state: Path | None = None
    prediction_log: Path | None = None
    prediction_log_share: float = Field(default=1, ge=0, le=1)
    prediction_log_days: float = Field(default=30, gt=0, allow_inf_nan=False)

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _require_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [origin for origin in origins if not _ORIGIN.fullmatch(origin)]:
            raise ValueError(f"{', '.join(wrong)} is no origin; one is written like https://pages.example.org")
        return origins


def load_settings(**options: object) -> Settings:
    """Read the settings.

    Args:
        **options: Settings that win over the environment; `None` leaves one to it.

    Raises:
        ProblemsError: A setting is missing or impossible; all of them are listed.
        BreastsegError: The service would be open to others, and nobody has said that it may be.
    """
    try:
        settings = Settings.model_validate(given(options))
    except ValidationError as error:
        raise ProblemsError("The service cannot start", [_problem(fault) for fault in error.errors()]) from error
    require_guard(settings)
    return settings


def given(options: dict[str, object]) -> dict[str, object]:
    """Return the options that were given: `None` leaves a setting to the environment."""
    return {name: value for name, value in options.items() if value is not None}


def unknown_variables() -> list[str]:
    """Return a line for each variable that looks like a setting and is none. Its value may be a key: it is not told."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    found = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    return [f"{name} is no setting and does nothing{_nearest(name.upper(), known)}" for name in found]


def _nearest(name: str, known: list[str]) -> str:
    near = nearest(name.removeprefix(PREFIX), (other.removeprefix(PREFIX) for other in known), by_word=False)
    return f"; is {PREFIX}{near} meant?" if near else ""


def _problem(fault: ErrorDetails) -> Problem:
    name = str(fault["loc"][0])
    return Problem(name, fault["msg"], f"Set {PREFIX}{name.upper()}, or the option of `breastseg serve`")
