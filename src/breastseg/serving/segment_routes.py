"""The routes that images are posted to."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from breastseg.inference.dicom.image import SeveralFramesError
from breastseg.serving.answered import Label
from breastseg.serving.dependencies import get_ready_service
from breastseg.serving.disconnect import unless_client_leaves
from breastseg.serving.image_form import (
    PNG,
    BatchQuery,
    SegmentQuery,
    describe_form,
    read_files,
    read_query,
    refuse_pictures,
    require_file,
    require_form,
    wants_png,
)
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

router = APIRouter(prefix="/v1", tags=["v1"])

_OF_ALL = (MALFORMED, TOO_LARGE, NOT_MULTIPART, INVALID, NOT_READY, QUEUE_FULL)


@router.post(
    "/segment",
    response_model=SegmentAnswer,
    responses={
        200: {"content": {PNG: {}}, "description": "The lesions, or with `Accept: image/png` the mask itself"},
        **describe(*_OF_ALL, TOO_MANY_PIXELS, UNREADABLE_IMAGE, TIMED_OUT),
    },
    openapi_extra=describe_form(SegmentQuery, "file", several=False),
)
async def segment(request: Request) -> Response:
    """Find the lesions of one image. Research use only: not a medical device, not for diagnosis."""
    require_form(request, "file")
    service, query = await get_ready_service(request), read_query(request, SegmentQuery)
    wants_mask = wants_png(request)
    if wants_mask:
        refuse_pictures(query)
    (part,) = await read_files(request, "file", 1, query)
    data, label = require_file("file", part), Label(current_request_id())
    if wants_mask:
        return Response(await unless_client_leaves(request, service.mask(data, label, query.frame)), media_type=PNG)
    report = service.report(data, label, query.include.split(","), query.frame)
    return _json(await unless_client_leaves(request, report))


@router.post(
    "/segment/batch",
    response_model=BatchAnswer,
    responses=describe(*_OF_ALL, TOO_MANY_FILES),
    openapi_extra=describe_form(BatchQuery, "files", several=True),
)
async def segment_batch(request: Request) -> Response:
    """Find the lesions of several images: an answer or a problem each, in their order. Research use only."""
    require_form(request, "files")
    service, query = await get_ready_service(request), read_query(request, BatchQuery)
    parts = await read_files(request, "files", service.max_batch_files, query)
    # one after the other, so that a large request leaves places in the queue to others
    results = [
        await unless_client_leaves(request, _entry(index, part, service, query.include))
        for index, part in enumerate(parts)
    ]
    return _json(BatchAnswer(results=results))


async def _entry(index: int, part: bytes | None, service: Service, include: str) -> BatchEntry:
    try:
        data, label = require_file("files", part), Label(current_request_id(), index)
        answer = await service.report(data, label, include.split(","))
    except (RequestError, *REFUSALS) as error:
        return BatchEntry(index=index, problem=details(_told(error)))
    return BatchEntry(index=index, answer=answer)


def _told(error: Exception) -> RequestError:
    """Say what the client is told of one file of several."""
    match error:
        case RequestError():
            return error
        case SeveralFramesError():
            detail = f"The file {error}. A batch takes no frame: post the file alone to /v1/segment, with frame="
            return RequestError(UNREADABLE_IMAGE, detail)
    return refusal(error)


def _json(answer: SegmentAnswer | BatchAnswer) -> Response:
    """Serialise once; the framework would validate and copy the answer first."""
    # pictures that nobody asked for are not set, and left out
    return Response(answer.model_dump_json(exclude_unset=True), media_type="application/json")
