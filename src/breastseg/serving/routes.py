"""The routes about the service itself; images are posted to those of `segment_routes`."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from breastseg.inference.contract import Contract, ContractError
from breastseg.inference.report import ModelReport
from breastseg.inference.session import ModelFileError
from breastseg.monitoring.monitor import Status
from breastseg.serving.dependencies import AnyService, ReadyService
from breastseg.serving.paths import METRICS
from breastseg.serving.problems import MODEL_REFUSED, NOT_READY, RequestError, describe
from breastseg.serving.schemas import DriftAnswer, FeatureDriftReport, Health, ModelAnswer, RateReport, WindowReport

_log = logging.getLogger(__name__)

health = APIRouter(prefix="/health", tags=["health"])
v1 = APIRouter(prefix="/v1", tags=["v1"])
admin = APIRouter(prefix="/admin", tags=["admin"])
metrics = APIRouter(tags=["metrics"])


# load balancers ask with HEAD, which the description would only repeat
@health.head("/live", include_in_schema=False)
@health.get("/live")
async def live() -> Health:
    """Say that the process answers."""
    return Health(status="live")


@health.head("/ready", include_in_schema=False)
@health.get("/ready", responses=describe(NOT_READY))
async def ready(_service: ReadyService) -> Health:
    """Say that images are answered: one has gone through the model."""
    return Health(status="ready")


@metrics.get(METRICS, response_class=PlainTextResponse)
def prometheus(request: Request) -> Response:
    """Say how many requests there were, how long they took, what waits, and which model answers."""
    # in a thread, as the next: the statistics of two windows take milliseconds, which health answers do not wait for
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@v1.get("/model")
async def model(service: AnyService) -> ModelAnswer:
    """Say which model answers, and its whole contract."""
    return _describe(service.contract)


@v1.get("/drift")
def drift(service: AnyService) -> DriftAnswer:
    """Say how the images of the last hour and the last day differ from those that the model was made for."""
    # once: a reload in between may take it away
    monitor = service.monitor
    statuses = monitor.status(time.time()) if monitor else {}
    windows = {name: _window(status) for name, status in statuses.items()}
    return DriftAnswer(model_version=service.contract.model_version, windows=windows)


@admin.post("/reload", responses=describe(MODEL_REFUSED))
async def reload(service: AnyService) -> ModelAnswer:
    """Load the model file anew; one that does not hold is refused, and the model before it goes on."""
    try:
        contract = await service.reload()
    except (ModelFileError, ContractError) as error:
        _log.exception("The model file is refused")
        detail = "The file is missing, damaged, or has no fitting contract; the log says which"
        raise RequestError(MODEL_REFUSED, detail) from error
    return _describe(contract)


def _window(status: Status) -> WindowReport:
    features = {name: FeatureDriftReport(**asdict(found)) for name, found in status.drift.features.items()}
    rate = status.drift.empty_rate and RateReport(**asdict(status.drift.empty_rate))
    return WindowReport(
        **asdict(status.drift) | {"features": features, "empty_rate": rate},
        alarm=status.alarm,
        alarm_reason=status.reason,
        next_evaluation=datetime.fromtimestamp(status.next_evaluation, UTC),
    )


def _describe(contract: Contract) -> ModelAnswer:
    return ModelAnswer(**dict(ModelReport.of(contract)), contract=contract)
