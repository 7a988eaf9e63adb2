"""Runs the application under uvicorn in this process."""

from __future__ import annotations

import logging
import signal
import sys
from typing import TYPE_CHECKING

import uvicorn

from breastseg.serving import json_logs
from breastseg.serving.app import create_app
from breastseg.serving.settings import unknown_variables

if TYPE_CHECKING:
    from types import FrameType

    from breastseg.serving.settings import Settings

logger = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in work are answered first, and the exit status is 0.

    Raises:
        ModelFileError: See `Segmenter.load`.
        ContractError: See `Segmenter.load`.
    """
    json_logs.configure(settings.log_format)
    for line in unknown_variables():
        logger.warning(line)
    app = create_app(settings)
    # uvicorn shuts down in order and then raises the signal again, which would end the process with it
    signal.signal(signal.SIGTERM, _leave)
    uvicorn.run(app, host=settings.host, port=settings.port, workers=1, server_header=False, **json_logs.UVICORN)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
