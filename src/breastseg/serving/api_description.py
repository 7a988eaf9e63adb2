"""Adds to the OpenAPI document what no route knows of: keys, and the answers of the layers in front of the routes."""

from __future__ import annotations

from typing import Any

from breastseg.serving import api_keys
from breastseg.serving.paths import is_open
from breastseg.serving.problems import BODY_TIMEOUT, RATE_LIMITED, UNAUTHORIZED, describe

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key of the service"},
    "apiKey": {"type": "apiKey", "in": "header", "name": api_keys.HEADER, "description": "The same key"},
}


def add_access(description: dict[str, Any], *, keyed: bool) -> dict[str, Any]:
    """Complete an OpenAPI document in place and return it.

    Args:
        description: The document.
        keyed: Whether the service has keys.
    """
    if keyed:
        description.setdefault("components", {})["securitySchemes"] = _SCHEMES
    for path, operations in description["paths"].items():
        if not is_open({"path": path}):
            for operation in operations.values():
                _complete(operation, keyed=keyed)
    return description


def _complete(operation: dict[str, Any], *, keyed: bool) -> None:
    kinds = [UNAUTHORIZED, RATE_LIMITED]
    if "requestBody" in operation:
        kinds.append(BODY_TIMEOUT)
    answers = {str(status): answer for status, answer in describe(*kinds).items()}
    # a route that describes one of them itself knows more
    operation["responses"] = dict(sorted((answers | operation["responses"]).items()))
    if keyed:
        operation["security"] = [{name: []} for name in _SCHEMES]
