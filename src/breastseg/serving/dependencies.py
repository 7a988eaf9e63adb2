"""What routes are handed, so that tests and later layers can put something else in its place.

All of it is asynchronous: the framework sends any other function to a thread, which costs more than it does.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from breastseg.serving.problems import NOT_READY, RequestError
from breastseg.serving.service import Service

# only a new model mends it
_RETRY_BROKEN_S = "60"


async def get_service(request: Request) -> Service:
    """Return the application's service, ready or not."""
    service: Service = request.app.state.service
    return service


async def get_ready_service(request: Request) -> Service:
    """Return the service once it is ready, else answer 503."""
    service = await get_service(request)
    if not service.ready:
        raise _not_ready(service)
    return service


def _not_ready(service: Service) -> RequestError:
    if service.failed:
        detail = "The model cannot be computed; the service's log says why. Its operator has to give it another"
        return RequestError(NOT_READY, detail, {"Retry-After": _RETRY_BROKEN_S})
    detail = "No image has gone through the model yet. Ask again in a moment"
    return RequestError(NOT_READY, detail, {"Retry-After": "1"})


AnyService = Annotated[Service, Depends(get_service)]
ReadyService = Annotated[Service, Depends(get_ready_service)]
