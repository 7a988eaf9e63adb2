"""Runs the application under uvicorn in this process."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import uvicorn

from breastseg.serving.app import create_app

if TYPE_CHECKING:
    from types import FrameType

    from breastseg.serving.settings import Settings


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in work are answered first, and the exit status is 0.

    Raises:
        ModelFileError: See `Segmenter.load`.
        ContractError: See `Segmenter.load`.
    """
    app = create_app(settings)
    # uvicorn shuts down in order and then raises the signal again, which would end the process with it
    signal.signal(signal.SIGTERM, _leave)
    uvicorn.run(app, host=settings.host, port=settings.port, workers=1, server_header=False)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
