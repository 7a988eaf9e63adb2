"""Puts the service together: one process, one session, loaded once."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from breastseg.inference.contract import INTENDED_USE
from breastseg.inference.segmenter import Segmenter
from breastseg.serving import layers, problems, routes
from breastseg.serving.service import Service
from breastseg.serving.tracing import telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from breastseg.serving.settings import Settings

logger = logging.getLogger(__name__)

API_VERSION = "1"


def create_app(settings: Settings) -> FastAPI:
    """Load the model and build the application around it.

    Raises:
        ModelFileError: See `Segmenter.load`.
        ContractError: See `Segmenter.load`.
        ProblemsError: The API keys cannot be used.
    """
    segmenter = Segmenter.load(settings.model, settings.threads)
    # the framework's pages of documentation load their scripts from elsewhere
    app = layers.Application(
        title="breastseg",
        description=INTENDED_USE,
        version=API_VERSION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry=telemetry(tracing=settings.tracing),
    )
    app.state.service = Service(segmenter, settings.concurrency, settings.max_pixels)
    layers.install(app, settings)
    problems.install(app)
    app.include_router(routes.health)
    app.include_router(routes.v1)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Warm up while liveness already answers."""
    warm_up = asyncio.create_task(app.state.service.warm_up())
    warm_up.add_done_callback(_log_failure)
    yield
    warm_up.cancel()


def _log_failure(warm_up: asyncio.Task[None]) -> None:
    if not warm_up.cancelled() and (error := warm_up.exception()):
        logger.critical("The first image failed: the service stays unready", exc_info=error)
