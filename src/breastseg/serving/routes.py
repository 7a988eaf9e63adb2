"""The service's routes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Query, Response, UploadFile

from breastseg.inference.report import ModelReport
from breastseg.serving.dependencies import PNG, AnyService, ReadyService, WantsPng, require_form
from breastseg.serving.problems import (
    INVALID,
    MALFORMED,
    NOT_MULTIPART,
    NOT_READY,
    TOO_LARGE,
    TOO_MANY_PIXELS,
    UNREADABLE_IMAGE,
    describe,
)
from breastseg.serving.schemas import Health, ModelAnswer, SegmentAnswer

health = APIRouter(prefix="/health", tags=["health"])
v1 = APIRouter(prefix="/v1", tags=["v1"])


@health.get("/live")
async def live() -> Health:
    """Say that the process answers."""
    return Health(status="live")


@health.get("/ready", responses=describe(NOT_READY))
async def ready(_service: ReadyService) -> Health:
    """Say that images are answered: one has gone through the model."""
    return Health(status="ready")


@v1.get("/model")
async def model(service: AnyService) -> ModelAnswer:
    """Say which model answers, and its whole contract."""
    report = ModelReport.of(service.contract)
    return ModelAnswer(**dict(report), contract=service.contract)


@v1.post(
    "/segment",
    response_model=SegmentAnswer,
    response_model_exclude_none=True,
    dependencies=[Depends(require_form)],
    responses={
        200: {"content": {PNG: {}}, "description": "The lesions, or with `Accept: image/png` the mask itself"},
        **describe(MALFORMED, TOO_LARGE, TOO_MANY_PIXELS, NOT_MULTIPART, INVALID, UNREADABLE_IMAGE, NOT_READY),
    },
)
async def segment(
    file: Annotated[UploadFile, File(description="PNG, JPEG, BMP, TIFF or WebP")],
    service: ReadyService,
    png: WantsPng,
    include: Annotated[Literal["mask"] | None, Query(description="`mask` adds it to the answer")] = None,
) -> SegmentAnswer | Response:
    """Find the lesions of one image. Research use only: not a medical device, not for diagnosis."""
    data = await file.read()
    if png:
        return Response(await service.mask(data), media_type=PNG)
    return await service.report(data, with_mask=include == "mask")
