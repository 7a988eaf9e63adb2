"""The stage: opacity, layers, zoom, pan, and the lesion that is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import choose, has_colour, payload, pixel, png

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("browser")

BRIGHT = (220, 220, 220)
MASK_COLOUR = (45, 212, 191)
CHOSEN_COLOUR = (255, 200, 61)


@pytest.fixture(autouse=True)
def _shown(page: Page) -> None:
    choose(page, payload("breast.png", png()))


def scale(page: Page) -> int:
    return int(page.locator("#zoom").inner_text().replace(",", "").split()[0])


def test_the_slider_sets_how_much_of_the_image_shines_through(page: Page) -> None:
    slider = page.locator("#opacity")
    slider.fill("0")
    assert pixel(page) == BRIGHT
    slider.fill("50")
    half = pixel(page)
    assert all(abs(found - (a + b) / 2) <= 2 for found, a, b in zip(half, BRIGHT, MASK_COLOUR, strict=True))
    slider.fill("100")
    assert pixel(page) == MASK_COLOUR
    expect(page.locator("#opacity-value")).to_have_text("100 %")


def test_the_outline_can_be_switched_off(page: Page) -> None:
    page.locator("#opacity").fill("0")
    assert has_colour(page, *MASK_COLOUR)
    page.get_by_role("checkbox", name="Outline").uncheck()
    assert not has_colour(page, *MASK_COLOUR)


def test_the_probability_is_another_layer(page: Page) -> None:
    page.locator("#opacity").fill("100")
    page.get_by_label("Show").select_option("probability")
    red, green, blue = pixel(page)
    assert red > green > blue


def test_zoom_by_buttons_wheel_and_keys(page: Page) -> None:
    fitted = scale(page)
    page.get_by_role("button", name="Zoom in").click()
    assert scale(page) > fitted
    page.get_by_role("button", name="Fit").click()
    assert scale(page) == fitted
    page.locator("#canvas").hover()
    page.mouse.wheel(0, -200)
    expect(page.locator("#zoom")).not_to_have_text(f"{fitted} %")
    assert scale(page) > fitted
    page.locator("#stage").focus()
    page.keyboard.press("1")
    assert scale(page) == 100
    page.keyboard.press("-")
    assert scale(page) == 80
    page.keyboard.press("0")
    assert scale(page) == fitted


def test_the_image_is_moved_by_dragging_and_by_keys_but_never_out_of_sight(page: Page) -> None:
    page.locator("#opacity").fill("100")
    box = page.locator("#canvas").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 4, y, steps=5)
    page.mouse.up()
    assert pixel(page) != MASK_COLOUR
    assert pixel(page, 0.75) == MASK_COLOUR
    expect(page.locator(".lesion")).to_have_attribute("aria-pressed", "false")
    page.locator("#stage").focus()
    for _ in range(100):
        page.keyboard.press("ArrowRight")
    # some of the image is left in the corner
    assert pixel(page, 0.01) != (0, 0, 0)


def test_a_lesion_is_chosen_in_the_list_or_in_the_image_and_let_go(page: Page) -> None:
    lesion = page.locator(".lesion")
    lesion.click()
    expect(lesion).to_have_attribute("aria-pressed", "true")
    assert has_colour(page, *CHOSEN_COLOUR)
    lesion.click()
    assert not has_colour(page, *CHOSEN_COLOUR)
    page.locator("#canvas").click()
    expect(lesion).to_have_attribute("aria-pressed", "true")
    page.locator("#canvas").click(position={"x": 3, "y": 3})
    expect(lesion).to_have_attribute("aria-pressed", "false")


def test_a_chosen_lesion_out_of_sight_comes_into_sight(page: Page) -> None:
    page.locator("#opacity").fill("100")
    page.locator("#stage").focus()
    for _ in range(40):
        page.keyboard.press("ArrowLeft")
    assert pixel(page) != MASK_COLOUR
    page.locator(".lesion").click()
    assert pixel(page) == MASK_COLOUR
