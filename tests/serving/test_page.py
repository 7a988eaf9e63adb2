"""The pages' files: how they are answered, that they ask nothing of other hosts, and where the example comes from."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.data.phantom.plan import plan_images
from breastseg.data.phantom.scan import simulate
from breastseg.inference.decode import decode_image
from breastseg.params.phantom import Phantom
from breastseg.serving.page import CONTENT_SECURITY_POLICY

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

FOLDER = files("breastseg.serving") / "page"
NAMES = sorted(file.name for file in FOLDER.iterdir())
# of another seed than the pipeline's phantom, which the model was trained with
EXAMPLE = Phantom(
    seed=4,
    images=40,
    height_px=336,
    width_px=448,
    size_spread=1.0,
    malignant_share=0.35,
    normal_share=0.15,
    two_lesions_share=0.3,
    distractor_share=0.4,
)
EXAMPLE_INDEX = 33


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/static/page.css", "text/css; charset=utf-8"),
        ("/static/main.js", "text/javascript; charset=utf-8"),
        ("/static/example.png", "image/png"),
        ("/static/icon.svg", "image/svg+xml"),
        ("/static/swagger-ui.css", "text/css; charset=utf-8"),
        ("/static/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ],
)
def test_files_are_answered_under_a_strict_policy(client: TestClient, path: str, media_type: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert int(client.head(path).headers["Content-Length"]) == len(answer.content)


def test_unchanged_files_are_not_sent_again(client: TestClient) -> None:
    first = client.get("/static/main.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/static/main.js", headers={"If-None-Match": f'"other", W/{first.headers["ETag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/static/page.css", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize("path", ["/static/", "/static/index.html", "/static/%2e%2e/page.py", "/static/gone.js"])
def test_nothing_else_is_answered(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_pages_stay_out_of_the_description(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert not [path for path in paths if path in ("/", "/docs") or path.startswith("/static")]


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(".png")])
def test_addresses_are_relative_and_nothing_is_inline(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|[\"'(]//", text)
    assert not re.search(r"""(src|href|action)=["']/""", text)
    if name.endswith(".html"):
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=", text)


def test_no_script_reads_text_as_markup_or_stores_anything() -> None:
    scripts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in NAMES if name.endswith(".js")}
    markup, storage = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", r"\w+Storage|indexedDB|cookie"
    assert [name for name, text in scripts.items() if re.search(f"{markup}|{storage}", text)] == []


def test_the_example_is_the_simulators_own() -> None:
    """Write it anew, if the simulator changes, with these parameters and this index."""
    scan = simulate(EXAMPLE, plan_images(EXAMPLE)[EXAMPLE_INDEX])
    stored = decode_image((FOLDER / "example.png").read_bytes())
    assert len(scan.masks) == 2
    assert np.array_equal(scan.image, stored)
