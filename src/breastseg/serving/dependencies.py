"""What routes are handed, so that tests and later layers can put something else in its place.

All of it is asynchronous: the framework sends any other function to a thread, which costs more than it does.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request

from breastseg.serving.problems import NOT_MULTIPART, NOT_READY, RequestError
from breastseg.serving.service import Service

FORM = "multipart/form-data"
PNG = "image/png"


async def get_service(request: Request) -> Service:
    """Return the application's service, ready or not."""
    service: Service = request.app.state.service
    return service


async def get_ready_service(request: Request) -> Service:
    """Return the service once it is ready, else answer 503."""
    service = await get_service(request)
    if not service.ready:
        raise RequestError(NOT_READY, "No image has gone through the model yet. Ask again in a moment")
    return service


async def require_form(content_type: Annotated[str, Header()] = "") -> None:
    """Answer 415 to what is no multipart form."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise RequestError(NOT_MULTIPART, f"Send the image in the field `file` of a {FORM} request")


async def wants_png(accept: Annotated[str, Header()] = "") -> bool:
    """Tell whether the client asks for the mask itself: it accepts PNG by name, and no JSON."""
    media_types = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return PNG in media_types and "application/json" not in media_types


AnyService = Annotated[Service, Depends(get_service)]
ReadyService = Annotated[Service, Depends(get_ready_service)]
WantsPng = Annotated[bool, Depends(wants_png)]
