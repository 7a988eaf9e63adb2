"""No rule and no panel looks at a metric, a route or a window that the service does not tell."""

from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from breastseg.monitoring.windows import HORIZONS
from breastseg.serving.metrics import ROUTES
from tests.deploy.files import EXPRESSIONS, PANEL_QUERIES, RECORDED, VARIABLES
from tests.deploy.promql import metric_names

# one process for all that share the server
pytestmark = pytest.mark.xdist_group("deploy")

OF_PROMETHEUS = {"up", "ALERTS"}


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (job, le) (rate(a_total{b="c_total",d=~"e{1}"}[5m])) > 0', {"a_total"}),
        ("count by (x) (up == 1) unless on (job) (a:b:rate5m offset 10m > 1e3)", {"up", "a:b:rate5m"}),
        ("time() - a > 180 * 86400 and on (job) group_left (z) b or increase(c[10m])", {"a", "b", "c"}),
    ],
)
def test_names_are_found_in_expressions(expression: str, names: set[str]) -> None:
    assert metric_names(expression) == names


def names_in(text: str) -> set[str]:
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def test_every_metric_is_one_that_the_service_tells(exposed: str) -> None:
    known = names_in(exposed) | set(RECORDED) | OF_PROMETHEUS
    asked = {name for expression in EXPRESSIONS for name in metric_names(expression)}
    assert asked - known == set()
    # and the search finds them
    assert {"breastseg_ready", "breastseg_window_expected_dice", "up"} <= asked


def test_every_variable_takes_its_values_from_the_service(exposed: str) -> None:
    queries = [variable["query"]["query"] for variable in VARIABLES if variable["type"] == "query"]
    found = [re.fullmatch(r"label_values\((\w+), \w+\)", query) for query in queries]
    assert {match[1] if match else None for match in found} <= names_in(exposed)


def test_everything_that_is_recorded_is_used() -> None:
    assert set(RECORDED) <= {name for expression in EXPRESSIONS for name in metric_names(expression)}


def test_routes_are_those_of_the_service() -> None:
    asked = {pattern for text in EXPRESSIONS for pattern in re.findall(r'route=~?"([^"]*)"', text)}
    assert asked
    for pattern in asked:
        assert any(re.fullmatch(pattern, route) for route in ROUTES), pattern


def test_both_windows_can_be_shown(exposed: str) -> None:
    assert any('window=~".*"' in query for query in PANEL_QUERIES)
    for horizon in HORIZONS:
        assert f'breastseg_window_images{{window="{horizon.name}"}} 60.0' in exposed
