"""What routes are handed, so that tests and later layers can put something else in its place.

All of it is asynchronous: the framework sends any other function to a thread, which costs more than it does.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from breastseg.serving.problems import NOT_READY, RequestError
from breastseg.serving.service import Service


async def get_service(request: Request) -> Service:
    """Return the application's service, ready or not."""
    service: Service = request.app.state.service
    return service


async def get_ready_service(request: Request) -> Service:
    """Return the service once it is ready, else answer 503."""
    service = await get_service(request)
    if not service.ready:
        raise RequestError(
            NOT_READY, "No image has gone through the model yet. Ask again in a moment", {"Retry-After": "1"}
        )
    return service


AnyService = Annotated[Service, Depends(get_service)]
ReadyService = Annotated[Service, Depends(get_ready_service)]
