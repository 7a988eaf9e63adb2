"""What the page says of an answer, and what it gives to keep."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import choose, payload, png

if TYPE_CHECKING:
    import httpx2
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.xdist_group("browser")


def with_fields(page: Page, **fields: Any) -> None:  # noqa: ANN401 - any JSON
    """Let the service's answers hold these fields."""

    def changed(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | fields)

    page.route("**/v1/segment*", changed)


def test_lesions_and_facts_are_those_of_the_answer(page: Page, server: httpx2.Client) -> None:
    image = png()
    choose(page, payload("breast.png", image))
    answer = server.post("/v1/segment", files={"file": ("breast.png", image)}).json()
    (lesion,) = answer["lesions"]
    x0, y0, x1, y1 = lesion["box"]
    shown = page.locator(".lesion")
    expect(shown).to_contain_text(f"Area {lesion['area_px']:,} px")
    expect(shown).to_contain_text(f"Share {100 * lesion['area_share']:.1f} %")
    expect(shown).to_contain_text(f"Confidence {lesion['confidence']:.2f}")
    expect(shown).to_contain_text(f"x {x0}–{x1}, y {y0}–{y1} ({x1 - x0} × {y1 - y0} px)")
    for fact in (answer["model"]["name"], answer["model"]["version"], "200 × 120 px", "ms (queue"):
        expect(page.locator(".facts")).to_contain_text(fact)
    expect(page.get_by_role("list", name="Warnings")).to_have_count(0)
    expect(page.locator(".facts")).not_to_contain_text("Expected Dice")


def test_warnings_are_words(page: Page) -> None:
    with_fields(page, quality=["low_contrast"], out_of_distribution=True, expected_dice=0.416)
    choose(page, payload("breast.png", png()))
    warnings = page.get_by_role("list", name="Warnings").get_by_role("listitem")
    expect(warnings).to_have_count(2)
    expect(warnings.nth(0)).to_contain_text("unlike those that the model was made for")
    expect(warnings.nth(1)).to_have_text("Image quality: low contrast.")
    expect(page.locator(".facts")).to_contain_text("Expected Dice0.42")


def test_quality_flags_of_the_service_arrive(page: Page) -> None:
    choose(page, payload("small.png", png(60, 60, (20, 20, 40, 40))))
    expect(page.get_by_role("list", name="Warnings")).to_contain_text("Image quality: small image.")


def test_downloads_are_the_services_own_bytes(page: Page, server: httpx2.Client) -> None:
    image = png()
    choose(page, payload("breast.v2.png", image))
    with page.expect_download() as mask:
        page.get_by_role("link", name="Download Mask (PNG)").click()
    with page.expect_download() as answer:
        page.get_by_role("link", name="Download JSON").click()
    assert mask.value.suggested_filename == "breast.v2_mask.png"
    assert answer.value.suggested_filename == "breast.v2.json"
    mask_png = server.post("/v1/segment", files={"file": ("a", image)}, headers={"Accept": "image/png"}).content
    assert Path(mask.value.path()).read_bytes() == mask_png
    kept = json.loads(Path(answer.value.path()).read_text())
    assert base64.b64decode(kept["mask"]) == mask_png
    assert kept["notice"].startswith("Research use only.")


def test_names_and_answers_are_text_and_never_markup(page: Page) -> None:
    with_fields(page, request_id="<img src=x onerror=alert(1)>", quality=["<b>bold</b>"])
    choose(page, payload("<b>name</b>.png", png()))
    expect(page.locator(".name")).to_contain_text("<b>name</b>.png")
    expect(page.locator(".facts")).to_contain_text("<img src=x")
    expect(page.locator("#panel b", has_text="name")).to_have_count(0)
