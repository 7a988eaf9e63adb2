"""The routes that images are posted to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile

from breastseg.serving.dependencies import PNG, ReadyService, WantsPng, require_form
from breastseg.serving.disconnect import unless_client_leaves
from breastseg.serving.problems import (
    INVALID,
    MALFORMED,
    NOT_MULTIPART,
    NOT_READY,
    QUEUE_FULL,
    REFUSALS,
    TIMED_OUT,
    TOO_LARGE,
    TOO_MANY_FILES,
    TOO_MANY_PIXELS,
    UNREADABLE_IMAGE,
    RequestError,
    describe,
    details,
    refusal,
)
from breastseg.serving.request_id import current_request_id
from breastseg.serving.schemas import BatchAnswer, BatchEntry, SegmentAnswer
from breastseg.serving.service import Service
from breastseg.wording import counted

router = APIRouter(prefix="/v1", tags=["v1"], dependencies=[Depends(require_form)])

_PICTURES = "mask|probability|overlay"
Include = Annotated[
    str,
    Query(
        pattern=rf"^(({_PICTURES})(,({_PICTURES}))*)?$",
        description="Pictures to add to the answer, with commas between: `mask`, `probability`, `overlay`",
    ),
]
Frame = Annotated[int | None, Query(ge=1, description="Number of a DICOM file's frame, from 1, where it has several")]
_FORMATS = "PNG, JPEG, BMP, TIFF, WebP or DICOM"
_OF_ALL = (MALFORMED, TOO_LARGE, NOT_MULTIPART, INVALID, NOT_READY)


@router.post(
    "/segment",
    response_model=SegmentAnswer,
    responses={
        200: {"content": {PNG: {}}, "description": "The lesions, or with `Accept: image/png` the mask itself"},
        **describe(*_OF_ALL, TOO_MANY_PIXELS, UNREADABLE_IMAGE, QUEUE_FULL, TIMED_OUT),
    },
)
async def segment(
    request: Request,
    file: Annotated[UploadFile, File(description=_FORMATS)],
    service: ReadyService,
    png: WantsPng,
    include: Include = "",
    frame: Frame = None,
) -> Response:
    """Find the lesions of one image. Research use only: not a medical device, not for diagnosis."""
    data = await file.read()
    if png:
        return Response(await unless_client_leaves(request, service.mask(data, frame)), media_type=PNG)
    answer = await unless_client_leaves(request, service.report(data, include.split(","), current_request_id(), frame))
    return _json(answer)


@router.post("/segment/batch", responses=describe(*_OF_ALL, TOO_MANY_FILES), response_model=BatchAnswer)
async def segment_batch(
    request: Request,
    files: Annotated[list[UploadFile], File(min_length=1, description=f"{_FORMATS} each")],
    service: ReadyService,
    include: Include = "",
) -> Response:
    """Find the lesions of several images: an answer or a problem each, in their order. Research use only."""
    if len(files) > service.max_batch_files:
        raise RequestError(TOO_MANY_FILES, f"A request holds at most {counted(service.max_batch_files, 'file')}")
    # one after the other, so that a large request leaves places in the queue to others
    results = [
        await unless_client_leaves(request, _entry(index, file, service, include)) for index, file in enumerate(files)
    ]
    return _json(BatchAnswer(results=results))


async def _entry(index: int, file: UploadFile, service: Service, include: str) -> BatchEntry:
    try:
        answer = await service.report(await file.read(), include.split(","), current_request_id())
    except REFUSALS as error:
        return BatchEntry(index=index, problem=details(refusal(error)))
    return BatchEntry(index=index, answer=answer)


def _json(answer: SegmentAnswer | BatchAnswer) -> Response:
    """Serialise once; the framework would validate and copy the answer first."""
    # pictures that nobody asked for are not set, and left out
    return Response(answer.model_dump_json(exclude_unset=True), media_type="application/json")
