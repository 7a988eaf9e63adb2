"""Reads a request with images by hand, and tells the OpenAPI document what it reads.

The framework's general way through parameters and dependencies costs such a request as much as all else that the
service adds to it. Its documentation calls this "Custom OpenAPI path operation schema".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from breastseg.serving.disconnect import ClientLeftError
from breastseg.serving.problems import NOT_MULTIPART, RequestError

if TYPE_CHECKING:
    from starlette.requests import Request

FORM = "multipart/form-data"
PNG = "image/png"
_FORMATS = "PNG, JPEG, BMP, TIFF, WebP or DICOM"
_PICTURES = "mask|probability|overlay"


class BatchQuery(BaseModel):
    """What may be asked for beside lesions."""

    include: str = Field(
        default="",
        pattern=rf"^(({_PICTURES})(,({_PICTURES}))*)?$",
        description="Pictures to add to the answer, with commas between: `mask`, `probability`, `overlay`",
    )


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
    schema = {"type": "object", "required": [field], "properties": {field: content}}
    parameters = [
        {"name": name, "in": "query", "required": False, "description": shape.pop("description"), "schema": shape}
        for name, shape in query.model_json_schema()["properties"].items()
    ]
    return {"parameters": parameters, "requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


def require_form(request: Request) -> None:
    """Answer 415 to what is no multipart form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise RequestError(NOT_MULTIPART, f"Send the image in the field `file` of a {FORM} request")


def wants_png(request: Request) -> bool:
    """Tell whether the client asks for the mask itself: it accepts PNG by name, and no JSON."""
    accept = request.headers.get("accept", "")
    media_types = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return PNG in media_types and "application/json" not in media_types


def read_query(request: Request, query: type[Query]) -> Query:
    """Read the query's parameters; unknown ones are left alone.

    Raises:
        RequestValidationError: A value is impossible; each is named.
    """
    try:
        return query.model_validate(dict(request.query_params))
    except ValidationError as error:
        faults = [{**fault, "loc": ("query", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults) from error


async def read_files(request: Request, field: str) -> list[bytes]:
    """Read the files in a field of the request's form, at least one.

    Raises:
        HTTPException: The form cannot be parsed.
        RequestValidationError: The field is missing, or holds text.
        ClientLeftError: The client left before the form was here.
    """
    try:
        async with request.form() as form:
            files = form.getlist(field)
            if not files:
                raise _invalid(field, "Field required")
            return [await _uploaded(field, file).read() for file in files]
    except ClientDisconnect as error:
        raise ClientLeftError from error


def _uploaded(field: str, value: UploadFile | str) -> UploadFile:
    if isinstance(value, UploadFile):
        return value
    raise _invalid(field, "Field holds no file; give it a file name")


def _invalid(field: str, fault: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body", field), "msg": fault}])
