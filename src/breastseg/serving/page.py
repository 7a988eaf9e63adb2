"""The pages for people, `/` and `/docs`, and what they load: it comes with the package, nothing from other hosts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated

from fastapi import Header, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from importlib.resources.abc import Traversable

    from fastapi import FastAPI

# `data:` is for the icons in Swagger UI's style sheet
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGES = {"/": "index.html", "/docs": "docs.html"}
SWAGGER_UI = ("swagger-ui-bundle.js", "swagger-ui.css")
_HEADERS = {
    # an update is seen at once; unchanged files cost a question without an answer's body
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """A shipped file, held in memory.

    Attributes:
        content: The file's bytes.
        media_type: For `Content-Type`.
        etag: Quoted hash of the content.
    """

    content: bytes
    media_type: str
    etag: str


def mount_page(app: FastAPI) -> None:
    """Serve `/`, `/docs` and `/static/<file>`; they hold no data of anybody and stay out of the API's description."""
    for path, asset in _assets().items():
        app.add_api_route(path, _endpoint(asset), methods=["GET", "HEAD"], include_in_schema=False, name=path)


def _assets() -> dict[str, Asset]:
    """Read every file once, by the path that it is served under."""
    own = files("breastseg.serving") / "page"
    shipped = [file for file in own.iterdir() if file.name not in PAGES.values()]
    shipped += [files("fastapi_swagger.resources") / name for name in SWAGGER_UI]
    pages = {path: _read(own / name) for path, name in PAGES.items()}
    return pages | {f"/static/{file.name}": _read(file) for file in shipped}


def _read(file: Traversable) -> Asset:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return Asset(content, _MEDIA_TYPES[PurePosixPath(file.name).suffix], f'"{digest[:32]}"')


def _endpoint(asset: Asset) -> Callable[..., Awaitable[Response]]:
    headers = _HEADERS | {"ETag": asset.etag}

    async def answer(if_none_match: Annotated[str, Header()] = "") -> Response:
        if asset.etag in if_none_match:
            return Response(status_code=304, headers=headers)
        return Response(asset.content, headers=headers, media_type=asset.media_type)

    return answer
