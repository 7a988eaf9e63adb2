"""What goes wrong is said in words beside the file, and what may pass can be tried again. Keys are held nowhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import choose, payload, png
from tests.onnx_models import write_model
from tests.service.conftest import running_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.xdist_group("browser")

KEY = "k3y-of-a-researcher"


def problem(title: str, detail: str, status: int, **headers: str) -> dict[str, object]:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return {"status": status, "json": body, "content_type": "application/problem+json", "headers": headers}


def refuse(page: Page, **answer: object) -> None:
    page.route("**/v1/segment*", lambda route: route.fulfill(**answer))


def test_a_text_file_is_told_from_an_image(page: Page) -> None:
    choose(page, payload("notes.txt", b"no image", "text/plain"), payload("breast.png", png()))
    row = page.locator("#file-list li").nth(0)
    expect(row.get_by_role("alert")).to_contain_text("The file is no image that can be read.")
    expect(row).to_contain_text("No result")
    # it stays no image
    expect(row.get_by_role("button", name="Try again")).to_have_count(0)
    expect(page.locator("#file-list li").nth(1)).to_contain_text("1 lesion")
    expect(page.get_by_role("alert").filter(has_text="image")).to_have_count(1)


def test_without_a_connection_it_can_be_tried_again(page: Page) -> None:
    page.context.set_offline(offline=True)
    choose(page, payload("breast.png", png()))
    expect(page.locator("#file-list [role=alert]")).to_contain_text("The service cannot be reached.")
    page.context.set_offline(offline=False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".lesion")).to_have_count(1)
    expect(page.locator("#file-list [role=alert]")).to_have_count(0)


def test_a_full_service_says_when_to_come_back(page: Page) -> None:
    refuse(page, **problem("The service is full", "64 images wait already", 503, **{"Retry-After": "2"}))
    choose(page, payload("breast.png", png()))
    alert = page.locator("#file-list [role=alert]")
    expect(alert).to_have_text("The service is full. 64 images wait already. Try again in 2 s.")
    page.unroute("**/v1/segment*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".lesion")).to_have_count(1)


def test_what_the_service_says_itself_of_when_to_come_back_is_not_said_again(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    # one for the question which model answers, one for the first image
    with running_server(
        write_model(tmp_path / "model.onnx"), rate_limit_per_minute="1", rate_limit_burst="2"
    ) as server:
        page = open_page(base=str(server.base_url).rstrip("/"))
        choose(page, payload("breast.png", png()), payload("second.png", png()))
        alert = page.locator("#file-list [role=alert]")
        expect(alert).to_have_text(re.compile(r"^Too many requests came from this client\. Ask again in \d+ s\.$"))


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, "<h1>Bad gateway</h1>"), (413, '{"error": "large"}'), (200, "<form>Log in</form>"), (200, "{}")],
)
def test_the_answer_of_a_proxy_is_not_taken_for_the_services(page: Page, status: int, body: str) -> None:
    refuse(page, status=status, body=body)
    choose(page, payload("breast.png", png()))
    expect(page.locator("#file-list [role=alert]")).to_contain_text(f"not the service’s. It has status {status}.")


def test_an_example_that_cannot_be_loaded_is_said(page: Page) -> None:
    page.context.set_offline(offline=True)
    page.get_by_role("button", name="Try the example").click()
    expect(page.locator("#intake-fault")).to_contain_text("The example cannot be loaded.")


def test_a_key_is_asked_for_sent_and_kept_nowhere(page: Page) -> None:
    sent = []

    def guarded(route: Route) -> None:
        sent.append(route.request.headers.get("authorization"))
        if sent[-1] == f"Bearer {KEY}":
            route.continue_()
        else:
            route.fulfill(**problem("A key is needed", "The request has none", 401))  # type: ignore[arg-type]

    page.route("**/v1/segment*", guarded)
    choose(page, payload("breast.png", png()))
    expect(page.locator("#file-list [role=alert]")).to_contain_text("Enter an access key")
    field = page.get_by_label("Key", exact=True)
    expect(field).to_be_visible()
    field.fill(KEY)
    field.press("Enter")
    expect(page.locator(".lesion")).to_have_count(1)
    assert sent == [None, f"Bearer {KEY}"]
    stored = page.evaluate(
        """async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href,
            history.state, await indexedDB.databases(), await caches.keys()])"""
    )
    assert stored == '[{},{},"","' + page.url + '",null,[],[]]'
    page.reload()
    assert page.locator("#key").input_value() == ""


def test_a_file_that_is_gone_is_not_taken_for_a_lost_connection(page: Page, tmp_path: Path) -> None:
    image = tmp_path / "breast.png"
    image.write_bytes(png())
    page.route("**/v1/segment*", lambda route: route.fulfill(**problem("Full", "Wait", 503)))
    page.set_input_files("#files", image)
    page.get_by_role("button", name="Try again").wait_for()
    image.unlink()
    page.unroute("**/v1/segment*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#file-list [role=alert]")).to_contain_text("The file cannot be read.")
