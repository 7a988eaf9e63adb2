"""Everything that an operator can set about the service, in one place, read from the environment."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from breastseg.errors import Problem, ProblemsError
from breastseg.inference.decode import MAX_PIXELS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX = "BREASTSEG_"


class Settings(BaseSettings):
    """The service's settings: each is the environment variable `BREASTSEG_<NAME>`, options of `breastseg serve` win.

    Attributes:
        model: The ONNX file.
        host: Address to listen on; loopback unless told otherwise.
        port: Port to listen on.
        threads: Threads that one image is computed with; by default the CPUs that the process may use.
        concurrency: Images in work at once; more wait. Two, so that one is decoded while the other is computed.
        queue_places: Images that may wait; more are refused with 503.
        inference_timeout_s: Longest time from a request's last byte to its answer, waiting included.
        shutdown_grace_s: Longest time that requests in work are waited for after SIGTERM.
        max_batch_files: Most files in a request to `/v1/segment/batch`.
        max_upload_bytes: Largest request body.
        max_pixels: Largest image, height times width; a small file may hold a large one.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    model: Path
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8000, ge=1, le=65535)
    threads: int | None = Field(default=None, ge=1)
    concurrency: int = Field(default=2, ge=1)
    queue_places: int = Field(default=64, ge=0)
    inference_timeout_s: float = Field(default=30, gt=0)
    shutdown_grace_s: int = Field(default=20, ge=0)
    max_batch_files: int = Field(default=32, ge=1)
    max_upload_bytes: int = Field(default=20_000_000, ge=1)
    max_pixels: int = Field(default=16_000_000, ge=1, le=MAX_PIXELS)


def load_settings(**options: object) -> Settings:
    """Read the settings.

    Args:
        **options: Settings that win over the environment; `None` leaves one to it.

    Raises:
        ProblemsError: A setting is missing or impossible; all of them are listed.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise ProblemsError("The service cannot start", [_problem(fault) for fault in error.errors()]) from error


def _problem(fault: ErrorDetails) -> Problem:
    name = str(fault["loc"][0])
    return Problem(name, fault["msg"], f"Set {PREFIX}{name.upper()}, or the option of `breastseg serve`")
