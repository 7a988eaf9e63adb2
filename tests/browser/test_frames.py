"""DICOM files of several frames: one is asked for by its number, and others of the same file after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import choose, payload, pixel, png, wait_for_all
from tests.dicom_files import dicom
from tests.onnx_models import bright_image

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page, Route

pytestmark = pytest.mark.xdist_group("browser")

LESION_IN = 2


def scan() -> FilePayload:
    """Three frames, with a lesion in the second."""
    frames = np.stack([bright_image(120, 200, (70, 30, 130, 90), 220 if n == LESION_IN else 30) for n in (1, 2, 3)])
    return payload("scan.dcm", dicom(frames[0], NumberOfFrames=3, PixelData=frames.tobytes()), "application/dicom")


def ask_for(page: Page, frame: str) -> None:
    page.get_by_label("DICOM frame").fill(frame)
    page.get_by_label("DICOM frame").press("Enter")


def test_a_frame_is_asked_for_by_its_number(page: Page) -> None:
    ask_for(page, "2")
    with page.expect_request("**/v1/segment*") as request:
        choose(page, scan())
    assert request.value.url.endswith("&frame=2")
    expect(page.locator(".lesion")).to_have_count(1)
    expect(page.locator(".facts")).to_contain_text("Frame2")
    expect(page.locator("#status")).to_have_text("scan.dcm, frame 2: 1 lesion found")
    page.locator("#opacity").fill("0")
    assert pixel(page) == (220, 220, 220)
    with page.expect_download() as mask:
        page.get_by_role("link", name="Download Mask (PNG)").click()
    assert mask.value.suggested_filename == "scan_frame2_mask.png"


def test_no_frame_is_sent_where_none_is_asked_for(page: Page) -> None:
    with page.expect_request("**/v1/segment*") as request:
        choose(page, payload("breast.png", png()))
    assert "frame" not in request.value.url
    expect(page.locator(".facts")).not_to_contain_text("Frame")


def test_a_file_that_was_refused_for_the_lack_of_it_is_asked_for_again(page: Page) -> None:
    choose(page, scan())
    alert = page.locator("#file-list [role=alert]")
    expect(alert).to_contain_text("ask for one of them by frame, 1 to 3")
    ask_for(page, "4")
    expect(alert).to_contain_text("frame 4 does not exist")
    ask_for(page, "2")
    expect(page.locator(".lesion")).to_have_count(1)
    expect(alert).to_have_count(0)


def test_other_frames_of_the_file_on_the_stage_follow_the_number(page: Page) -> None:
    ask_for(page, "1")
    choose(page, scan(), payload("breast.png", png()))
    expect(page.locator("#result")).to_contain_text("outlines no lesion")
    page.get_by_label("DICOM frame").press("ArrowUp")
    expect(page.locator(".lesion")).to_have_count(1)
    expect(page.locator("#canvas")).to_have_attribute(
        "aria-label", "scan.dcm, frame 2, 200 by 120 pixels, 1 lesion outlined"
    )
    # an emptied field asks for nothing of it
    ask_for(page, "")
    expect(page.locator("#file-list li").nth(1)).to_contain_text("1 lesion")
    expect(page.locator("#file-list li").nth(0)).to_contain_text("1 lesion")


def test_an_image_that_has_no_frames_is_asked_for_again_without(page: Page) -> None:
    ask_for(page, "1")
    choose(page, payload("breast.png", png()))
    expect(page.locator("#file-list [role=alert]")).to_contain_text("is no DICOM file")
    ask_for(page, "")
    wait_for_all(page)
    expect(page.locator(".lesion")).to_have_count(1)


def test_a_number_that_changes_while_a_frame_is_in_work_counts(page: Page) -> None:
    ask_for(page, "1")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v1/segment*", hold, times=1)
    page.set_input_files("#files", [scan()])
    while not held:
        page.wait_for_timeout(10)
    ask_for(page, "2")
    held[0].continue_()
    expect(page.locator(".facts")).to_contain_text("Frame2")
    expect(page.locator(".lesion")).to_have_count(1)


def test_a_number_that_cannot_be_one_is_told(page: Page) -> None:
    ask_for(page, "0")
    assert page.locator("#frame:user-invalid").count() == 1
    choose(page, scan())
    expect(page.locator("#file-list [role=alert]")).to_contain_text("greater than or equal to 1")
