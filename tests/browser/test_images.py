"""Images on their way in: dropped, pasted, chosen, the example; what the list says of each."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import choose, has_colour, payload, pixel, png, wait_for_all
from tests.onnx_models import bright_image

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("browser")

CHOSEN_COLOUR = (255, 200, 61)
BACKDROP = (74, 80, 88)


def hand_over(page: Page, event: str, name: str, content: bytes) -> None:
    """Drop or paste a file as a browser does."""
    page.evaluate(
        """([event, name, base64]) => {
            const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type: "image/png" }));
            const kind = event === "paste" ? ClipboardEvent : DragEvent;
            const settings = { dataTransfer: transfer, clipboardData: transfer, bubbles: true, cancelable: true };
            document.querySelector("main").dispatchEvent(new kind(event, settings));
        }""",
        [event, name, base64.b64encode(content).decode()],
    )
    wait_for_all(page)


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_an_image_that_is_handed_over_shows_its_lesions(page: Page, event: str) -> None:
    hand_over(page, event, "breast.png", png())
    expect(page.locator(".lesion")).to_have_count(1)
    expect(page.locator(".lesion")).to_contain_text("Confidence")
    expect(page.locator("#status")).to_have_text("breast.png: 1 lesion found")
    expect(page.locator("#canvas")).to_have_attribute("aria-label", "breast.png, 200 by 120 pixels, 1 lesion outlined")


def test_the_example_needs_no_file(page: Page) -> None:
    page.get_by_role("button", name="Try the example").click()
    wait_for_all(page)
    expect(page.locator("#file-list li")).to_have_count(1)
    expect(page.locator(".facts")).to_contain_text("448 × 336 px")


def test_several_files_are_answered_and_looked_at_one_by_one(page: Page) -> None:
    two = bright_image(120, 200, (10, 10, 60, 60))
    two[70:110, 130:180] = 220
    file = io.BytesIO()
    Image.fromarray(two).save(file, "PNG")
    choose(
        page, payload("one.png", png()), payload("two.png", file.getvalue()), payload("none.png", png(box=(0, 0, 0, 0)))
    )
    states = page.locator("#file-list .state")
    expect(states).to_have_text(["1 lesion", "2 lesions", "No lesion"])
    expect(page.locator(".lesion")).to_have_count(1)
    page.get_by_role("button", name="two.png 2 lesions").click()
    expect(page.locator(".lesion")).to_have_count(2)
    page.get_by_role("button", name="none.png No lesion").click()
    expect(page.locator("#result")).to_contain_text("outlines no lesion")


def test_an_image_can_be_taken_off_the_list(page: Page) -> None:
    choose(page, payload("one.png", png()), payload("two.png", png(100, 100, (10, 10, 60, 60))))
    page.get_by_role("button", name="Remove one.png").click()
    expect(page.locator("#canvas")).to_have_attribute("aria-label", "two.png, 100 by 100 pixels, 1 lesion outlined")
    expect(page.get_by_role("button", name="two.png 1 lesion")).to_be_focused()
    page.get_by_role("button", name="Remove two.png").click()
    expect(page.locator("#view")).to_be_hidden()
    expect(page.locator("#files")).to_be_focused()


def turned(format_: str, orientation: int) -> bytes:
    """An image whose left half is bright, with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(bright_image(120, 200, (0, 0, 100, 120))).save(file, format_, exif=exif)
    return file.getvalue()


def assert_shown_as_stored(page: Page, content: bytes, media_type: str) -> None:
    choose(page, payload("turned", content, media_type))
    page.locator("#opacity").fill("0")
    assert pixel(page, 0.3)[0] > 200
    assert pixel(page, 0.7)[0] < 50
    expect(page.locator("#stage-note")).to_be_empty()


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_pixels_are_shown_as_stored_as_the_service_reads_them(page: Page, format_: str, orientation: int) -> None:
    assert_shown_as_stored(page, turned(format_, orientation), f"image/{format_.lower()}")


@pytest.mark.parametrize(
    "between", [b"\xff", b"\xff\xff\xff", b"\xff\x01", b"\0"], ids=["fill", "fills", "lone", "stray"]
)
@pytest.mark.parametrize("orientation", [3, 6])
def test_what_may_stand_before_a_segment_hides_no_orientation(page: Page, orientation: int, between: bytes) -> None:
    before, exif, after = turned("JPEG", orientation).partition(b"\xff\xe1")
    assert_shown_as_stored(page, before + between + exif + after, "image/jpeg")


def test_what_the_browser_cannot_show_is_the_services_picture(page: Page) -> None:
    file = io.BytesIO()
    Image.fromarray(bright_image(120, 200, (70, 30, 130, 90))).save(file, "TIFF")
    choose(page, payload("scan.tiff", file.getvalue(), "image/tiff"))
    expect(page.locator("#stage-note")).to_contain_text("is the service’s")
    page.locator("#opacity").fill("0")
    assert pixel(page) == (220, 220, 220)


def test_without_any_picture_lesions_stand_over_a_plain_backdrop(page: Page) -> None:
    def without_overlay(route, request) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
        answer = route.fetch(url=request.url.replace("%2Coverlay", "").replace(",overlay", ""))
        route.fulfill(response=answer)

    page.route("**/v1/segment*", without_overlay)
    file = io.BytesIO()
    Image.fromarray(bright_image(120, 200, (70, 30, 130, 90))).save(file, "TIFF")
    choose(page, payload("scan.tiff", file.getvalue(), "image/tiff"))
    expect(page.locator("#stage-note")).to_contain_text("plain backdrop")
    expect(page.locator(".lesion")).to_have_count(1)
    page.locator(".lesion").click()
    assert has_colour(page, *BACKDROP)
    assert has_colour(page, *CHOSEN_COLOUR)


def test_an_image_larger_than_the_screen_fits_into_the_stage(page: Page) -> None:
    choose(page, payload("large.png", png(2000, 3000, (1000, 500, 2000, 1500))))
    assert int(page.locator("#zoom").inner_text().split()[0]) < 100
    page.locator("#opacity").fill("100")
    assert pixel(page) == (45, 212, 191)
