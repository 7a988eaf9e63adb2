"""Before the first image the page says if the model failed its quality gate, and which images it does not know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import choose, payload, png
from tests.browser.test_access import Scheme, serious_faults
from tests.onnx_models import FAILED_GATE, make_contract, write_model
from tests.service.conftest import Server, running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("browser")

KEY = "k3y-of-a-researcher"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failed") / "model.onnx"


@pytest.fixture(scope="module")
def keyed(model: Path) -> Iterator[Server]:
    """A service that wants a key."""
    write_model(model, make_contract(gate=FAILED_GATE).to_json())
    with running_server(model, api_keys=KEY) as client:
        yield client


def test_a_failed_gate_is_shown_as_soon_as_the_model_may_be_asked_for_and_as_long_as_it_answers(
    open_page: Callable[..., Page], keyed: Server, model: Path
) -> None:
    page = open_page(base=str(keyed.base_url).rstrip("/"))
    notice = page.get_by_role("complementary", name="Model")
    expect(notice).to_have_count(0)
    page.locator("#access summary").click()
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_label("Key", exact=True).press("Enter")
    expect(notice).to_contain_text("This model failed its quality gate")
    expect(notice).to_contain_text("mean Dice is 0.4137, at least 0.5 is required")
    expect(notice).to_contain_text("share of missed lesion images is 0.25, at most 0.2 is allowed")
    expect(notice).not_to_contain_text("false-positive")
    # for those who hear the page
    expect(notice.get_by_role("status")).to_be_visible()
    choose(page, payload("breast.png", png()))
    expect(notice).to_be_visible()
    # another model: its first answer says so
    write_model(model)
    assert keyed.post("/admin/reload", headers={"X-API-Key": KEY}).status_code == 200
    choose(page, payload("other.png", png()))
    expect(notice).to_have_count(0)


def test_a_passed_gate_is_not_spoken_of(page: Page) -> None:
    with page.expect_response("**/v1/model") as answer:
        page.reload()
    assert answer.value.ok
    choose(page, payload("breast.png", png()))
    expect(page.locator("body")).not_to_contain_text("gate")


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (("busi", "bus_bra"), "This model knows real images only. The example is simulated"),
        (("phantom",), "This model knows simulated images only"),
    ],
)
def test_images_that_the_model_does_not_know_are_named_before_one_is_sent(
    open_page: Callable[..., Page], tmp_path: Path, sets: tuple[str, ...], told: str
) -> None:
    model = write_model(tmp_path / "model.onnx", make_contract(trained_on=sets).to_json())
    with running_server(model) as client:
        page = open_page(base=str(client.base_url).rstrip("/"))
        expect(page.locator("#known")).to_contain_text(told)
        expect(page.get_by_role("button", name="Try the example")).to_have_accessible_description(re.compile(told))


def test_of_a_file_that_does_not_record_its_images_nothing_is_said(page: Page) -> None:
    with page.expect_response("**/v1/model"):
        page.reload()
    choose(page, payload("breast.png", png()))
    expect(page.locator("#known")).to_have_text("")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_notice(open_page: Callable[..., Page], scheme: Scheme, width: int) -> None:
    page = open_page("/docs", color_scheme=scheme, viewport={"width": width, "height": 800})
    contract = {"gate": FAILED_GATE.model_dump(mode="json"), "trained_on": ["busi"]}
    page.route("**/v1/model", lambda route: route.fulfill(json={"contract": contract, "version": "0123456789ab"}))
    page.goto(page.url.removesuffix("docs"))
    expect(page.get_by_role("complementary", name="Model")).to_be_visible()
    expect(page.locator("#known")).to_be_visible()
    assert serious_faults(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
