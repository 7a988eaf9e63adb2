"""The page for everybody: keyboard, screen readers, contrast, narrow screens, dark and light."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import choose, payload, pixel, png, wait_for_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("browser")

NOTICE = "Research use only. Not a medical device, not for diagnosis."
Scheme = Literal["light", "dark"]


def serious_faults(page: Page) -> list[str]:
    # what moves is judged where it ends
    page.wait_for_function("() => document.getAnimations().every((animation) => animation.playState === 'finished')")
    violations = Axe().run(page).response["violations"]
    return [f"{found['id']}: {found['nodes']}" for found in violations if found["impact"] in ("serious", "critical")]


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this id or class has the focus, and see that each stop shows that it has it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        marked, reached = page.evaluate(
            """(name) => {
                const active = document.activeElement;
                // the file field is seen as its label
                const seen = active.id === "files" ? active.nextElementSibling : active;
                return [getComputedStyle(seen).outlineStyle, active.id === name || active.classList.contains(name)];
            }""",
            name,
        )
        assert marked != "none"
        if reached:
            return
    pytest.fail(f"Tab never reaches {name}")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: Callable[..., Page], scheme: Scheme, width: int) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    assert serious_faults(page) == []
    choose(page, payload("breast.png", png(60, 90, (20, 20, 60, 50))), payload("notes.txt", b"text", "text/plain"))
    page.locator(".lesion").click()
    for summary in page.locator("summary").all():
        summary.click()
    assert serious_faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_switch_turns_the_colours_over(open_page: Callable[..., Page], scheme: Scheme) -> None:
    page = open_page(color_scheme=scheme)
    ground = "() => getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    other = "dark" if scheme == "light" else "light"
    page.get_by_role("button", name=f"{other} colours").click()
    assert page.evaluate(ground) != before
    assert serious_faults(page) == []
    page.get_by_role("button", name=f"{scheme} colours").click()
    assert page.evaluate(ground) == before


def test_everything_works_by_keyboard_alone(page: Page) -> None:
    tab_to(page, "files")
    tab_to(page, "example")
    page.keyboard.press("Enter")
    wait_for_all(page)
    tab_to(page, "stage")
    fitted = page.locator("#zoom").inner_text()
    page.keyboard.press("+")
    expect(page.locator("#zoom")).not_to_have_text(fitted)
    page.keyboard.press("n")
    lesion = page.locator(".lesion").first
    expect(lesion).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(lesion).to_have_attribute("aria-pressed", "false")
    tab_to(page, "opacity")
    page.keyboard.press("End")
    expect(page.locator("#opacity-value")).to_have_text("100 %")
    tab_to(page, "lesion")
    page.keyboard.press("Space")
    expect(lesion).to_have_attribute("aria-pressed", "true")
    tab_to(page, "button")
    with page.expect_download():
        page.keyboard.press("Enter")


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 844), (844, 390), (1280, 800)])
def test_the_notice_is_in_view_and_nothing_is_cut_off(open_page: Callable[..., Page], width: int, height: int) -> None:
    page = open_page(viewport={"width": width, "height": height})
    notice = page.get_by_text(NOTICE)
    expect(notice).to_be_in_viewport(ratio=1)
    choose(page, payload("a-long-name-without-any-place-to-break-it-at-all.png", png()))
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    expect(notice).to_be_in_viewport(ratio=1)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert pixel(page) != (0, 0, 0)


def test_fingers_pinch_to_zoom(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    choose(page, payload("breast.png", png()))
    fitted = page.locator("#zoom").inner_text()
    page.evaluate(
        """() => {
            const canvas = document.querySelector("#canvas");
            canvas.setPointerCapture = () => {};
            const { left, top } = canvas.getBoundingClientRect();
            const touch = (kind, pointerId, x) => canvas.dispatchEvent(new PointerEvent(kind, {
                pointerId, pointerType: "touch", clientX: left + x, clientY: top + 100, bubbles: true }));
            touch("pointerdown", 11, 150);
            touch("pointerdown", 12, 200);
            touch("pointermove", 12, 300);
        }"""
    )
    expect(page.locator("#zoom")).not_to_have_text(fitted)
