"""Which paths need no key, so that every layer that asks means the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

# the very function that the router matches with: one of our own might one day disagree with it
from starlette._utils import get_route_path

if TYPE_CHECKING:
    from starlette.types import Scope

PROBES = "/health/"
METRICS = "/metrics"
ADMIN = "/admin/"
# they hold nothing of the model and nothing of an image
_PAGES = frozenset({"/", "/docs", "/openapi.json"})
_PAGE_FOLDERS = ("/docs/", "/static/")


def is_page(scope: Scope) -> bool:
    """Tell whether a person's browser asks for a page or a part of one, and not for an answer of the API."""
    path = get_route_path(scope)
    return path in _PAGES or path.startswith(_PAGE_FOLDERS)


def is_open(scope: Scope) -> bool:
    """Tell whether the request needs no key; every path that is not listed here does, unknown ones too."""
    path = get_route_path(scope)
    return path == METRICS or path.startswith(PROBES) or is_page(scope)


def is_admin(scope: Scope) -> bool:
    """Tell whether the request is for the operator: never answered without a key."""
    return get_route_path(scope).startswith(ADMIN)
