"""A real headless Chromium in front of a real server; skips where no Chromium is installed."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.onnx_models import bright_image, write_model
from tests.service.conftest import running_server
from tests.tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx2
    from playwright.sync_api import FilePayload

ANSWER_WAIT_MS = 30_000
# Chromium writes a line for each failed request, and no page can keep it from doing so; the advice about reading pixels
# back is for these tests, which do
UNAVOIDABLE = re.compile(
    r"Failed to load resource: (the server responded with a status of [45]\d\d|net::ERR_)|Canvas2D: Multiple readback"
)


# one process for all, since each starts a browser of its own
ONE_PROCESS = pytest.mark.xdist_group("browser")


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker(ONE_PROCESS)


# Playwright keeps an event loop running in this thread as long as it lives, and other tests start loops of their own
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = tool(
        "chromium", "chromium-browser", "google-chrome", way="`apt-get install chromium`, or a Chrome of your system"
    )
    with sync_playwright() as playwright:
        # containers and CI run as root, where Chromium's sandbox does not start
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with running_server(write_model(tmp_path_factory.mktemp("model") / "model.onnx")) as client:
        yield client


@pytest.fixture(scope="session")
def origin(server: httpx2.Client) -> str:
    return str(server.base_url).rstrip("/")


@pytest.fixture
def open_page(browser: Browser, origin: str) -> Iterator[Callable[..., Page]]:
    """Open pages that may neither complain on the console nor ask another host."""
    contexts, complaints, asked = [], list[str](), list[str]()

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not UNAVOIDABLE.match(message.text):
            complaints.append(message.text)

    def opened(path: str = "/", *, base: str = origin, **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type] # what the tests give it
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(ANSWER_WAIT_MS)
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{base}{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "blob:", "data:"))] == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


def png(height: int = 120, width: int = 200, box: tuple[int, int, int, int] = (70, 30, 130, 90)) -> bytes:
    """A dark image with a bright lesion, by default in its middle."""
    file = io.BytesIO()
    Image.fromarray(bright_image(height, width, box)).save(file, "PNG")
    return file.getvalue()


def payload(name: str, content: bytes, media_type: str = "image/png") -> FilePayload:
    return {"name": name, "mimeType": media_type, "buffer": content}


def choose(page: Page, *files: FilePayload) -> None:
    """Choose files as with the button, and wait until each has an answer or a fault."""
    page.set_input_files("#files", list(files))
    wait_for_all(page)


def wait_for_all(page: Page) -> None:
    """Wait until every image in the list has an answer or a fault, and the one on the stage is drawn."""
    page.wait_for_selector("#file-list li")
    page.wait_for_function("() => !document.querySelector('[data-state=waiting], [data-state=working]')")
    page.wait_for_selector("#result:not([hidden]), li:has([aria-current=true]) [role=alert]")
    settle(page)


def settle(page: Page) -> None:
    """Wait until what was changed is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def pixel(page: Page, x: float = 0.5, y: float = 0.5) -> tuple[int, ...]:
    """The canvas's colour (red, green, blue) at a share of its width and height."""
    settle(page)
    found: list[int] = page.evaluate(
        """([x, y]) => {
            const canvas = document.querySelector("#canvas");
            const [left, top] = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
            return [...canvas.getContext("2d").getImageData(left, top, 1, 1).data].slice(0, 3);
        }""",
        [x, y],
    )
    return tuple(found)


def has_colour(page: Page, red: int, green: int, blue: int) -> bool:
    """Tell whether any pixel of the canvas has exactly this colour."""
    settle(page)
    found: bool = page.evaluate(
        """([red, green, blue]) => {
            const canvas = document.querySelector("#canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            for (let i = 0; i < data.length; i += 4)
                if (data[i] === red && data[i + 1] === green && data[i + 2] === blue) return true;
            return false;
        }""",
        [red, green, blue],
    )
    return found
