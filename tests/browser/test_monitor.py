"""The monitor: figures of `GET /v1/drift`, in words as well as in colour; when it asks, and what may go wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from breastseg.monitoring.profile import Distribution
from tests.browser.conftest import png, settle
from tests.browser.test_access import Scheme, serious_faults
from tests.browser.test_faults import KEY, problem
from tests.monitoring.profiles import make_profile
from tests.onnx_models import make_contract, make_graph, write_model
from tests.service.conftest import running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx2
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.xdist_group("browser")

FEWEST = 20
TYPICAL = png(box=(70, 30, 110, 60))
BRIGHT = png(box=(0, 0, 200, 110))


def write_watched_model(path: Path) -> Path:
    """Write a model that knows the brightness of its images, and features that no image here differs in."""
    profile = make_profile(1, embedding_scale=100.0)
    usual = profile.distributions["brightness"]
    empty = Distribution(edges=(0.5,), shares=(0.9, 0.1), n=50)
    others = {"log_area": usual.model_copy(update={"edges": (13.0, 16.0)}), "p05": usual, "empty": empty}
    profile = profile.model_copy(update={"distributions": others | profile.distributions})
    return write_model(path, make_contract(reference_profile=profile).to_json(), make_graph(embedding=True))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_watched_model(tmp_path_factory.mktemp("watched") / "model.onnx")


@pytest.fixture
def watched(model: Path) -> Iterator[httpx2.Client]:
    """A service that has seen no image yet."""
    with running_server(model, drift_min_images=str(FEWEST)) as client:
        yield client


@pytest.fixture(scope="module")
def shifted(model: Path) -> Iterator[httpx2.Client]:
    """A service that has seen images far brighter than its reference."""
    with running_server(model, drift_min_images=str(FEWEST)) as client:
        post(client, BRIGHT, FEWEST + 5)
        yield client


def post(client: httpx2.Client, image: bytes, times: int) -> None:
    for _ in range(times):
        assert client.post("/v1/segment", files={"file": ("a.png", image)}).status_code == 200


def base(client: httpx2.Client) -> str:
    return str(client.base_url).rstrip("/")


def windows(client: httpx2.Client) -> dict[str, Any]:
    told: dict[str, Any] = client.get("/v1/drift").json()["windows"]
    return told


def open_monitor(page: Page) -> None:
    page.locator("#monitor summary").click()
    page.wait_for_selector("#monitor-windows > *, #monitor-fault > *")


def figures(page: Page, name: str) -> dict[str, str]:
    """What is told of a window, without its features."""
    window = page.get_by_role("region", name=f"Last {name}")
    return dict(zip(window.locator("dt").all_inner_texts(), window.locator("dd").all_inner_texts(), strict=True))


def rows(page: Page, name: str) -> list[list[str]]:
    """The cells of the table of features."""
    table = page.get_by_role("region", name=f"Last {name}").get_by_role("table")
    return [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]


def percent(share: float) -> str:
    value = 100 * share
    return f"{value:.{1 if value >= 1 else 2}f} %"


def rate_text(share: float, lower: float, upper: float) -> str:
    return f"{percent(share)}, expected {percent(lower)} to {percent(upper)}"


def expected_rows(features: dict[str, Any]) -> list[list[str]]:
    def cells(name: str, psi: float | None, p_value: float, *, drifted: bool) -> list[str]:
        p_text = "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"
        return [name.replace("_", " "), "n/a" if psi is None else f"{psi:.2f}", p_text, "Yes" if drifted else "No"]

    surest_first = sorted(features.items(), key=lambda item: (item[1]["p_value"], -(item[1]["psi"] or 0)))
    return [cells(name, **found) for name, found in surest_first]


def time_of_day(page: Page, time: str) -> str:
    """A time as the page writes it, in the browser's zone."""
    return str(page.evaluate("time => new Date(time).toLocaleTimeString('en-GB')", time))


def with_windows(page: Page, **fields: Any) -> None:  # noqa: ANN401 - any JSON
    """Let each window of the service's answers hold these fields."""

    def changed(route: Route) -> None:
        answer = route.fetch()
        value = answer.json()
        told = {name: window | fields for name, window in value["windows"].items()}
        route.fulfill(response=answer, json=value | {"windows": told})

    page.route("**/v1/drift", changed)


def test_few_images_are_counted_and_enough_are_judged(open_page: Callable[..., Page], watched: httpx2.Client) -> None:
    page = open_page(base=base(watched))
    post(watched, TYPICAL, 5)
    open_monitor(page)
    for name in ("hour", "day"):
        window = page.get_by_role("region", name=f"Last {name}")
        expect(window).to_contain_text("Too few images to be judged.")
        expect(window.get_by_role("table")).to_have_count(0)
        assert figures(page, name)["Images"] == "5"
    post(watched, TYPICAL, FEWEST)
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("table")).to_have_count(2)
    expect(page.locator("#monitor")).not_to_contain_text("Too few")
    for name, told in windows(watched).items():
        assert figures(page, name) == {
            "Images": "25",
            "Out of distribution": "0.00 %",
            "Mean expected Dice": f"{told['expected_dice']:.2f}",
            "Answers without a lesion": rate_text(**told["empty_rate"]),
            "Alarm": "Not raised",
            "Why": "No feature differs from the reference by more than chance.",
            "Evaluated next": time_of_day(page, told["next_evaluation"]),
        }
        assert rows(page, name) == expected_rows(told["features"])
        assert {row[-1] for row in rows(page, name)} == {"No"}
        expect(page.get_by_text(f"0 of 5 features drifted in the last {name}")).to_be_visible()


def test_what_has_drifted_comes_first_and_is_marked(open_page: Callable[..., Page], shifted: httpx2.Client) -> None:
    page = open_page(base=base(shifted))
    open_monitor(page)
    for name, told in windows(shifted).items():
        assert rows(page, name) == expected_rows(told["features"])
        assert [row[-1] for row in rows(page, name)] == ["Yes", "Yes", "No", "No", "No"]
        assert figures(page, name)["Out of distribution"] == "100.0 %"
        expect(page.get_by_role("table", name=f"2 of 5 features drifted in the last {name}")).to_be_visible()
    colours = [row.evaluate("row => getComputedStyle(row).backgroundColor") for row in page.locator("tbody tr").all()]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    version = shifted.get("/v1/drift").json()["model_version"]
    expect(page.locator("#monitor-windows")).to_contain_text(f"Model version {version}.")


def test_an_alarm_and_answers_without_a_lesion_are_told(open_page: Callable[..., Page], shifted: httpx2.Client) -> None:
    page = open_page(base=base(shifted))
    with_windows(page, alarm=True, empty_rate={"share": 0.12, "lower": 0.05, "upper": 0.2})
    open_monitor(page)
    for name in ("hour", "day"):
        assert figures(page, name)["Alarm"] == "Raised"
        assert figures(page, name)["Answers without a lesion"] == "12.0 %, expected 5.0 % to 20.0 %"
    expect(page.locator("#status")).to_have_text(
        "Monitor: last hour 25 images, alarm raised; last day 25 images, alarm raised"
    )


def test_no_figure_is_made_up_where_there_is_none(open_page: Callable[..., Page], watched: httpx2.Client) -> None:
    page = open_page(base=base(watched))
    with_windows(page, empty_rate=None)
    open_monitor(page)
    found = figures(page, "hour")
    assert set(found) == {"Images", "Alarm", "Why", "Evaluated next"}
    assert (found["Images"], found["Alarm"]) == ("0", "Not raised")
    assert found["Why"] == f"0 of at least {FEWEST} images: too few to be evaluated."


def test_a_model_without_a_profile_says_so(page: Page) -> None:
    open_monitor(page)
    expect(page.locator("#monitor-windows")).to_contain_text("The model carries no reference profile")
    expect(page.get_by_role("region", name="Last hour")).to_have_count(0)


def test_it_asks_every_half_minute_while_it_is_open_and_never_else(
    open_page: Callable[..., Page], watched: httpx2.Client
) -> None:
    page = open_page(base=base(watched))
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    page.clock.install()
    page.clock.run_for(100_000)
    assert asked == []
    open_monitor(page)
    expect(page.locator("#monitor-time")).to_have_text(re.compile(r"^As of \d\d:\d\d:\d\d$"))
    post(watched, TYPICAL, 1)
    # the clock goes on by itself too
    with page.expect_response("**/v1/drift", timeout=120_000):
        page.clock.run_for(30_000)
    expect(page.get_by_role("region", name="Last hour").locator("dd").first).to_have_text("1")
    # nobody asked, so nobody who hears the page is interrupted
    expect(page.locator("#status")).to_contain_text("last hour 0 images")
    page.locator("#monitor summary").click()
    # the browser tells the page of it a moment later
    settle(page)
    page.clock.run_for(100_000)
    assert asked == [f"{base(watched)}/v1/drift"] * 2


def test_an_alarm_that_is_raised_meanwhile_is_told(open_page: Callable[..., Page], watched: httpx2.Client) -> None:
    page = open_page(base=base(watched))
    page.clock.install()
    open_monitor(page)
    with_windows(page, alarm=True)
    page.clock.run_for(30_000)
    expect(page.locator("#status")).to_contain_text("last day 0 images, alarm raised")


def test_figures_that_did_not_change_are_left_alone(open_page: Callable[..., Page], shifted: httpx2.Client) -> None:
    page = open_page(base=base(shifted))
    page.clock.install()
    open_monitor(page)
    page.evaluate("() => document.querySelector('#monitor table').classList.add('kept')")
    before = page.locator("#monitor-time").inner_text()
    page.clock.run_for(30_000)
    expect(page.locator("#monitor-time")).not_to_have_text(before)
    expect(page.locator(".kept")).to_have_count(1)


def test_a_key_is_asked_for_and_used(open_page: Callable[..., Page], shifted: httpx2.Client) -> None:
    page = open_page(base=base(shifted))

    def guarded(route: Route) -> None:
        if route.request.headers.get("authorization") == f"Bearer {KEY}":
            route.continue_()
        else:
            route.fulfill(**problem("A key is needed", "The request has none", 401))  # type: ignore[arg-type]

    page.route("**/v1/drift", guarded)
    open_monitor(page)
    alert = page.locator("#monitor-fault").get_by_role("alert")
    expect(alert).to_have_text(
        "A key is needed. The request has none. Enter an access key under “Access key”, then try again."
    )
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_label("Key", exact=True).press("Enter")
    expect(page.get_by_role("table")).to_have_count(2)
    expect(alert).to_have_count(0)


def test_without_a_connection_old_figures_go_and_it_can_be_tried_again(
    open_page: Callable[..., Page], shifted: httpx2.Client
) -> None:
    page = open_page(base=base(shifted))
    open_monitor(page)
    page.context.set_offline(offline=True)
    refresh = page.get_by_role("button", name="Refresh")
    refresh.click()
    expect(page.locator("#monitor-fault [role=alert]")).to_contain_text("The service cannot be reached.")
    expect(page.get_by_role("table")).to_have_count(0)
    expect(page.locator("#monitor-time")).to_be_empty()
    page.context.set_offline(offline=False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("table")).to_have_count(2)
    expect(page.locator("#monitor-fault")).to_be_empty()
    expect(refresh).to_be_focused()


def test_the_answer_of_a_proxy_is_not_taken_for_the_services(page: Page) -> None:
    page.route("**/v1/drift", lambda route: route.fulfill(status=200, body="<form>Log in</form>"))
    open_monitor(page)
    expect(page.locator("#monitor-fault [role=alert]")).to_contain_text("not the service’s. It has status 200.")


def test_names_are_text_and_never_markup(open_page: Callable[..., Page], shifted: httpx2.Client) -> None:
    page = open_page(base=base(shifted))
    with_windows(page, features={"<b>bold</b>": {"psi": 1.0, "p_value": 0.2, "drifted": False}})
    open_monitor(page)
    assert rows(page, "hour") == [["<b>bold</b>", "1.00", "0.200", "No"]]


def test_it_is_opened_and_refreshed_by_keyboard(open_page: Callable[..., Page], watched: httpx2.Client) -> None:
    page = open_page(base=base(watched))
    page.locator("#monitor summary").press("Enter")
    expect(page.get_by_role("region", name="Last day")).to_be_visible()
    post(watched, TYPICAL, 2)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("last day 2 images")
    expect(page.get_by_role("button", name="Refresh")).to_be_focused()


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    open_page: Callable[..., Page], shifted: httpx2.Client, scheme: Scheme, width: int
) -> None:
    page = open_page(base=base(shifted), color_scheme=scheme, viewport={"width": width, "height": 800})
    with_windows(page, alarm=True, empty_rate={"share": 0.12, "lower": 0.05, "upper": 0.2})
    open_monitor(page)
    expect(page.get_by_role("table")).to_have_count(2)
    assert serious_faults(page) == []
    panel = page.locator("#panel")
    assert panel.evaluate("panel => panel.scrollWidth - panel.clientWidth") <= 0
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
