"""Puts the service together: one process, one session, loaded once."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.formparsers import MultiPartParser

from breastseg.inference.contract import INTENDED_USE
from breastseg.serving import layers, problems, routes, segment_routes
from breastseg.serving.metrics import Metrics
from breastseg.serving.opened_model import OpenedModel
from breastseg.serving.page import mount_page
from breastseg.serving.service import Service
from breastseg.serving.tracing import telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI

    from breastseg.serving.settings import Settings

logger = logging.getLogger(__name__)

API_VERSION = "1"
_REST_SECONDS = 60.0


def create_app(settings: Settings) -> FastAPI:
    """Load the model and build the application around it.

    Raises:
        ModelFileError: See `OpenedModel.load`.
        ContractError: See `OpenedModel.load`.
        ProblemsError: The API keys cannot be used.
    """
    model = OpenedModel.load(settings.model, settings.threads)
    # images stay in memory: a part beyond this size would be written to a file
    MultiPartParser.spool_max_size = settings.max_upload_bytes
    # the framework's own pages of documentation load their scripts from elsewhere; `page` has one that does not
    app = layers.Application(
        title="breastseg",
        description=INTENDED_USE,
        version=API_VERSION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        # a redirect would trust the header Host, and forget a proxy's sub-path
        redirect_slashes=False,
        telemetry=telemetry(tracing=settings.tracing),
    )
    app.state.service = Service(model, settings)
    app.state.metrics = Metrics(app.state.service)
    layers.install(app, settings)
    problems.install(app)
    # paths are looked up in this order: those that are asked for most come first
    app.include_router(segment_routes.router)
    app.include_router(routes.health)
    app.include_router(routes.metrics)
    app.include_router(routes.v1)
    app.include_router(routes.admin)
    mount_page(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Warm up while liveness already answers."""
    warm_up = asyncio.create_task(app.state.service.warm_up())
    warm_up.add_done_callback(_log_failure)
    resting = asyncio.create_task(_rest(app.state.service))
    yield
    warm_up.cancel()
    resting.cancel()
    app.state.service.close()


async def _rest(service: Service) -> None:
    """Let go of the prediction log's part once it is old, though no image comes: a nightly job may pack it then."""
    while service.prediction_log:
        await asyncio.sleep(_REST_SECONDS)
        await asyncio.to_thread(service.prediction_log.rest)


def _log_failure(warm_up: asyncio.Task[None]) -> None:
    if not warm_up.cancelled() and (error := warm_up.exception()):
        logger.critical("The first image failed: the service stays unready", exc_info=error)
