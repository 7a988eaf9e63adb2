"""Errors as RFC 9457 problem details: one stable `type` a kind, no stack trace, no path of the server."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from breastseg.inference.raster import DecodeError, TooManyPixelsError
from breastseg.serving.disconnect import ClientLeftError
from breastseg.serving.request_id import current_request_id
from breastseg.serving.schemas import ProblemDetails
from breastseg.serving.work_queue import InferenceTimeoutError, QueueFullError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"
BLANK = "about:blank"
# nginx's status for its log; no client sees it
_CLIENT_CLOSED_REQUEST = 499
# of what the framework refuses; relative, for a proxy may serve all under a sub-path
_WAYS_OUT = {
    HTTPStatus.NOT_FOUND: "The pages docs and openapi.json list every path",
    HTTPStatus.METHOD_NOT_ALLOWED: "The header Allow names those that this path takes",
}


@dataclass(frozen=True)
class Kind:
    """One kind of error. Clients tell kinds apart by `type`, which never changes."""

    name: str
    status: HTTPStatus
    title: str

    @property
    def type(self) -> str:
        """The kind's URI."""
        return f"urn:breastseg:problem:{self.name}"


MALFORMED = Kind("malformed-request", HTTPStatus.BAD_REQUEST, "The request cannot be parsed")
CORS_REFUSED = Kind("cors-refused", HTTPStatus.BAD_REQUEST, "Pages of that origin may not ask so")
UNAUTHORIZED = Kind("unauthorized", HTTPStatus.UNAUTHORIZED, "The request has no key that is let in")
HEADER_TIMEOUT = Kind("header-timeout", HTTPStatus.REQUEST_TIMEOUT, "The request's headers came too slowly")
BODY_TIMEOUT = Kind("body-timeout", HTTPStatus.REQUEST_TIMEOUT, "The request's body came too slowly")
TOO_LARGE = Kind("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large")
TOO_MANY_PIXELS = Kind("too-many-pixels", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The image has too many pixels")
HEADERS_TOO_LARGE = Kind(
    "headers-too-large", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's headers are too large"
)
NOT_MULTIPART = Kind("not-multipart", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The request is no multipart form")
INVALID = Kind("invalid-request", HTTPStatus.UNPROCESSABLE_ENTITY, "The request lacks something or has a wrong value")
UNREADABLE_IMAGE = Kind("unreadable-image", HTTPStatus.UNPROCESSABLE_ENTITY, "The file is no image that can be read")
RATE_LIMITED = Kind("rate-limited", HTTPStatus.TOO_MANY_REQUESTS, "Too many requests came from this client")
NOT_READY = Kind("not-ready", HTTPStatus.SERVICE_UNAVAILABLE, "The service is not ready yet")
NO_CONNECTION = Kind("no-connection", HTTPStatus.SERVICE_UNAVAILABLE, "All connections are in use")
QUEUE_FULL = Kind("queue-full", HTTPStatus.SERVICE_UNAVAILABLE, "Too much waits already")
TIMED_OUT = Kind("timed-out", HTTPStatus.GATEWAY_TIMEOUT, "The image took too long")
TOO_MANY_FILES = Kind("too-many-files", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request holds too many files")
MODEL_REFUSED = Kind("model-refused", HTTPStatus.CONFLICT, "The model file is refused; the one before answers on")


class RequestError(HTTPException):
    """An error that the client is told about, with headers where they help, such as `Retry-After`."""

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(kind.status, detail, headers)
        self.kind = kind


def describe(*kinds: Kind) -> dict[int | str, dict[str, object]]:
    """Return the `responses` of a route for its OpenAPI description; kinds of one status stand in one entry."""
    titles: dict[int, list[str]] = defaultdict(list)
    for kind in kinds:
        titles[kind.status.value].append(f"{kind.title} (`{kind.type}`)")
    content = {MEDIA_TYPE: {"schema": ProblemDetails.model_json_schema()}}
    return {status: {"description": ". ".join(lines), "content": content} for status, lines in titles.items()}


# what the work of one image may end in, beside an answer
REFUSALS = (DecodeError, QueueFullError, InferenceTimeoutError)


def respond(error: RequestError) -> JSONResponse:
    """Return the answer to an error, for layers that stand outside of the application's error handlers."""
    return _answer(details(error), error.headers)


def install(app: FastAPI) -> None:
    """Answer every error of the application with problem details."""
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for refused in REFUSALS:
        app.add_exception_handler(refused, _on_refused)
    app.add_exception_handler(ClientLeftError, _on_client_left)
    app.add_exception_handler(Exception, _on_fault)


def refusal(error: Exception) -> RequestError:
    """Say of an error of the service, one of `REFUSALS`, what the client is told."""
    match error:
        case TooManyPixelsError():
            return RequestError(TOO_MANY_PIXELS, f"The file {error}. Scale the image down")
        case DecodeError():
            return RequestError(UNREADABLE_IMAGE, f"The file {error}")
        case QueueFullError():
            return RequestError(QUEUE_FULL, str(error), {"Retry-After": str(error.retry_after_s)})
        case InferenceTimeoutError():
            return RequestError(TIMED_OUT, "The service is too busy, or the image too large. Ask again later")
    raise TypeError(f"{type(error).__name__} is no refusal") from error


def details(error: RequestError) -> ProblemDetails:
    """Put an error into the form that clients are sent."""
    kind = error.kind
    return ProblemDetails(
        type=kind.type, title=kind.title, status=kind.status, detail=error.detail, request_id=current_request_id()
    )


async def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer errors of the routes, and those that the framework raises itself, such as an unknown path."""
    if isinstance(error, RequestError):
        return respond(error)
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    if status is MALFORMED.status:
        # the parser's own words name no value of the client's
        reason = f"{error.detail} " if isinstance(error, HTTPException) else ""
        return respond(RequestError(MALFORMED, f"{reason}Send one well-formed multipart form"))
    # such as the methods that a path allows
    headers = error.headers if isinstance(error, HTTPException) else None
    detail = ". ".join(filter(None, (status.description, _WAYS_OUT.get(status))))
    return _answer(_blank(status, detail), headers)


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    detail = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
    return respond(RequestError(INVALID, detail))


async def _on_refused(request: Request, error: Exception) -> JSONResponse:
    return await _on_http_error(request, refusal(error))


async def _on_client_left(_request: Request, _error: Exception) -> Response:
    """Nobody reads this answer."""
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


async def _on_fault(_request: Request, _error: Exception) -> JSONResponse:
    """Answer a fault of the program without a word of it; the server logs its trace."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _answer(_blank(status, "The service failed; its log says why"))


def _blank(status: HTTPStatus, detail: str) -> ProblemDetails:
    return ProblemDetails(
        type=BLANK, title=status.phrase, status=status, detail=detail, request_id=current_request_id()
    )


def _answer(problem: ProblemDetails, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(problem.model_dump(), problem.status, headers, media_type=MEDIA_TYPE)
