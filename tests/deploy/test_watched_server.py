"""A real Prometheus and a real Alertmanager watch a real server, and somebody hears of what happens to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.conftest import BRIGHT_PNG
from tests.deploy.files import ANNOTATION_QUERIES, PANEL_QUERIES, VARIABLES
from tests.deploy.watched import watching
from tests.service.conftest import running_server
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.deploy.watched import Watched
    from tests.service.conftest import Server

# one process for all that share the server
pytestmark = pytest.mark.xdist_group("deploy")


def address(server: Server) -> str:
    return f"{server.base_url.host}:{server.base_url.port}"


@pytest.fixture(scope="module")
def watched(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("watched"), address(server)) as watched:
        yield watched


def test_images_unlike_the_reference_come_to_the_models_owners(watched: Watched) -> None:
    alert = "BreastsegOutOfDistribution"
    # and nothing else fires
    wait_until(lambda: watched.firing() == {(alert, "hour"), (alert, "day")}, shown=lambda: str(watched.firing()))
    receivers = wait_until(lambda: {receiver for receiver, name in watched.messages if name == alert})
    assert receivers == {"model-owners"}


@pytest.mark.parametrize("query", PANEL_QUERIES)
def test_a_panel_finds_something_to_draw(query: str, watched: Watched, server: Server) -> None:
    def drawn() -> list[dict[str, Any]]:
        # figures of requests need some between two scrapes
        server.post("/v1/segment", files={"file": BRIGHT_PNG})
        return [series for series in watched.ask("query", query=query)["result"] if series["value"][1] != "NaN"]

    wait_until(drawn)


@pytest.mark.parametrize("query", ANNOTATION_QUERIES)
def test_an_annotation_can_be_asked_for(query: str, watched: Watched) -> None:
    watched.ask("query", query=query)


@pytest.mark.parametrize("variable", [variable for variable in VARIABLES if variable["type"] == "query"])
def test_a_variable_has_values(variable: dict[str, Any], watched: Watched) -> None:
    metric, label = variable["query"]["query"].removeprefix("label_values(").rstrip(")").split(", ")
    wait_until(lambda: watched.ask(f"label/{label}/values", **{"match[]": metric}))


def test_of_a_service_that_ends_one_message_comes_and_no_other(model_path: Path, tmp_path: Path) -> None:
    with running_server(model_path) as server, watching(tmp_path, address(server)) as watched:
        wait_until(lambda: "BreastsegUnreachable" not in watched.states())
        watched.messages.clear()
        server.process.terminate()
        held_back = {"BreastsegUnreachable": "active", "BreastsegInstanceDown": "suppressed"}
        wait_until(lambda: (states := watched.states()) | held_back == states, shown=lambda: str(watched.states()))
        messages = wait_until(lambda: watched.messages)
        assert set(messages) == {("on-call", "BreastsegUnreachable")}
