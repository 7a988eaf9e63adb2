"""Reads a request with images by hand, and tells the OpenAPI document what it reads.

The framework's general way through parameters and dependencies costs such a request as much as all else that the
service adds to it. Its documentation calls this "Custom OpenAPI path operation schema".
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from breastseg.serving.answered import PICTURES
from breastseg.serving.disconnect import ClientLeftError
from breastseg.serving.problems import INVALID, MALFORMED, NOT_MULTIPART, TOO_MANY_FILES, UNREADABLE_IMAGE, RequestError
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from pydantic_core import ErrorDetails
    from starlette.datastructures import FormData
    from starlette.requests import Request

FORM = "multipart/form-data"
PNG = "image/png"
_JSON = "application/json"
# what stands in quotes parts nothing
_PARTS, _PARAMETERS = (re.compile(rf'(?:[^"{mark}]|"(?:\\.|[^"\\])*"?)+') for mark in ",;")
_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
_FORMATS = "PNG, JPEG, BMP, TIFF, WebP or DICOM"
_EITHER, _NAMED = "|".join(PICTURES), ", ".join(PICTURES)


class BatchQuery(BaseModel):
    """What may be asked for beside lesions."""

    model_config = ConfigDict(extra="forbid")

    include: str = Field(
        default="",
        description=f"Pictures to add to the answer, with commas between: {_NAMED}",
        # judged below, in words instead of a pattern
        json_schema_extra={"pattern": rf"^(({_EITHER})(,({_EITHER}))*)?$"},
    )

    @field_validator("include")
    @classmethod
    def _require_pictures(cls, value: str) -> str:
        if value and not set(value.split(",")) <= set(PICTURES):
            raise ValueError(f"takes {_NAMED}, with commas between")
        return value


class SegmentQuery(BatchQuery):
    """The same for one image."""

    frame: int | None = Field(
        default=None, ge=1, description="Number of a DICOM file's frame, from 1, where it has several"
    )


Query = TypeVar("Query", bound=BatchQuery)


def describe_form(query: type[BatchQuery], field: str, *, several: bool) -> dict[str, Any]:
    """Return a route's `openapi_extra`.

    Args:
        query: The query's parameters.
        field: The form's field that holds the images.
        several: Whether it may hold more than one.
    """
    file: dict[str, Any] = {"type": "string", "contentMediaType": "application/octet-stream", "description": _FORMATS}
    content = {"type": "array", "items": file, "minItems": 1} if several else file
    schema = {
        "type": "object",
        "required": [field],
        "properties": {field: content},
        "additionalProperties": False,
    }
    parameters = [
        {"name": name, "in": "query", "required": False, "description": shape.pop("description"), "schema": shape}
        for name, shape in query.model_json_schema()["properties"].items()
    ]
    return {"parameters": parameters, "requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


def require_form(request: Request, field: str) -> None:
    """Answer 415 to what is no multipart form, which would hold images in a field of this name."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise RequestError(NOT_MULTIPART, f"Send images in the field `{field}` of a {FORM} request")


def wants_png(request: Request) -> bool:
    """Return whether the client prefers the mask itself, as PNG, to JSON; where it has no preference, it gets JSON."""
    weights = _weights(",".join(request.headers.getlist("accept")))
    return _weight(PNG, weights) > _weight(_JSON, weights)


def _weights(accept: str) -> dict[str, float]:
    """Read the media ranges of all `Accept` headers of a request, joined by commas; what is malformed is left out.

    Source: RFC 9110, sections 5.3 (several headers) and 12.5.1.
    """
    found: dict[str, float] = {}
    for part in _PARTS.findall(accept.lower()):
        media_range, *parameters = (text.strip() for text in _PARAMETERS.findall(part))
        pairs = [tuple(text.strip() for text in parameter.split("=", 1)) for parameter in parameters]
        place = next((i for i, pair in enumerate(pairs) if pair[0] == "q"), len(pairs))
        weight = pairs[place][-1] if place < len(pairs) else "1"
        # of a type with parameters there is nothing here
        if media_range and place == 0 and _WEIGHT.fullmatch(weight):
            found[media_range] = max(found.get(media_range, 0.0), float(weight))
    return found


def _weight(media_type: str, weights: Mapping[str, float]) -> float:
    """Return the weight of the most specific range that a type is in; 0 where it is in none."""
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((weights[name] for name in ranges if name in weights), 0.0)


def refuse_pictures(query: BatchQuery) -> None:
    """Refuse what has no place beside the mask itself.

    Raises:
        RequestValidationError: Pictures are asked for.
    """
    if query.include:
        way_out = f"accept application/json for pictures, or leave include out for the mask as {PNG}"
        raise RequestValidationError([_fault("query", "include", f"An image holds no other pictures; {way_out}")])


def read_query(request: Request, query: type[Query]) -> Query:
    """Read the query's parameters.

    Raises:
        RequestValidationError: A parameter is unknown, impossible, or given more than once; each is named.
    """
    given = request.query_params.multi_items()
    times = Counter(name for name, _ in given)
    faults = [_fault("query", name, "Given more than once") for name in sorted(times) if times[name] > 1]
    try:
        found = query.model_validate(dict(given))
    except ValidationError as error:
        faults += [_fault("query", str(fault["loc"][0]), _told(fault)) for fault in error.errors()]
        raise RequestValidationError(faults) from error
    if faults:
        raise RequestValidationError(faults)
    return found


async def read_files(request: Request, field: str, most: int, query: BatchQuery) -> list[bytes | None]:
    """Read the files in a field of the request's form, at least one; None stands for a part that holds text instead.

    Args:
        request: The request.
        field: The name of the form's only field.
        most: Most files that it may hold.
        query: The query, whose parameters have no place in the form.

    Raises:
        HTTPException: The form cannot be parsed.
        RequestValidationError: The field is missing, or there are others; each is named.
        RequestError: It holds too many files, or its names are in no character set that can be read.
        ClientLeftError: The client left before the form was here.
    """
    try:
        async with request.form() as form:
            parts = _parts(form, field, most, query)
            return [await part.read() if isinstance(part, UploadFile) else None for part in parts]
    except ClientDisconnect as error:
        raise ClientLeftError from error
    # from the parser, for some character sets that Python knows and no client means
    except UnicodeError as error:
        raise RequestError(MALFORMED, "The form's character set cannot be read. Leave it out, or send UTF-8") from error


def _parts(form: FormData, field: str, most: int, query: BatchQuery) -> list[UploadFile | str]:
    """Return what the field holds; errors as for `read_files`."""
    parts = form.getlist(field)
    missing = [] if parts else [_fault("body", field, "Field required")]
    if faults := missing + _other_fields(form, field, type(query).model_fields):
        raise RequestValidationError(faults)
    if len(parts) > most:
        way_out = "Send the others in requests of their own"
        raise RequestError(TOO_MANY_FILES, f"The field `{field}` holds at most {counted(most, 'file')}. {way_out}")
    return parts


def require_file(field: str, content: bytes | None) -> bytes:
    """Return a part's content.

    Raises:
        RequestError: It holds no file, or one without a byte.
    """
    if content is None:
        raise RequestError(INVALID, f"body.{field}: Field holds no file; give it a file name")
    if not content:
        raise RequestError(
            UNREADABLE_IMAGE, "The file is empty. Was it still being written? Send it again once it is whole"
        )
    return content


def _other_fields(form: Iterable[str], field: str, parameters: Container[str]) -> list[dict[str, object]]:
    """Name all fields but the one that is read, and say where what they ask for belongs."""
    others, elsewhere = sorted(set(form) - {field}), f"No such field here; the form holds `{field}` only"
    return [
        _fault("body", _sendable(name), "Put it in the query" if name in parameters else elsewhere) for name in others
    ]


def _sendable(name: str) -> str:
    # the client may name the form's character set, and some of them make what UTF-8 cannot hold
    return name.encode(errors="backslashreplace").decode()


def _fault(where: str, name: str, what: str) -> dict[str, object]:
    return {"loc": (where, name), "msg": what}


def _told(fault: ErrorDetails) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return "No such parameter here"
        case "value_error":
            return str(fault["ctx"]["error"])
    return fault["msg"]
