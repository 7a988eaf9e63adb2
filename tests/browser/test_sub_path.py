"""Behind a proxy that serves it under a sub-path, the page asks for nothing outside of it; so does `/docs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import wait_for_all
from tests.browser.sub_path_proxy import sub_path_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("browser")

PREFIX = "/breastseg"


@pytest.fixture
def proxied(origin: str) -> Iterator[str]:
    with sub_path_proxy(origin, PREFIX) as base:
        yield base


def test_the_page_works_under_a_sub_path(open_page: Callable[..., Page], proxied: str) -> None:
    page = open_page(f"{PREFIX}/", base=proxied)
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Try the example").click()
    wait_for_all(page)
    expect(page.locator(".facts")).to_contain_text("448 × 336 px")
    assert f"{proxied}{PREFIX}/v1/segment?include=mask,probability" in asked
    page.locator("#monitor summary").click()
    expect(page.locator("#monitor-windows")).to_contain_text("The model carries no reference profile")
    assert f"{proxied}{PREFIX}/v1/drift" in asked
    page.get_by_role("link", name="API").click()
    expect(page).to_have_url(f"{proxied}{PREFIX}/docs")
    expect(page.get_by_text("/v1/segment", exact=True)).to_be_visible()


def test_requests_are_tried_out_under_the_sub_path(open_page: Callable[..., Page], proxied: str) -> None:
    page = open_page(f"{PREFIX}/docs", base=proxied)
    page.get_by_text("/health/live", exact=True).click()
    page.get_by_role("button", name="Try it out").click()
    with page.expect_response(f"{proxied}{PREFIX}/health/live") as answer:
        page.get_by_role("button", name="Execute").click()
    assert answer.value.json() == {"status": "live"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_description_is_shown_without_another_host(open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page("/docs", color_scheme=scheme)
    expect(page.get_by_text("Research use only. Not a medical device, not for diagnosis.").first).to_be_visible()
    expect(page.get_by_text("/v1/segment", exact=True)).to_be_visible()
    dark = page.evaluate("() => document.documentElement.classList.contains('dark-mode')")
    assert dark == (scheme == "dark")
