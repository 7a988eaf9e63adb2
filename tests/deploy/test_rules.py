"""Rules are valid and do what they say; every alert has been seen firing and quiet, and says where to read on."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from breastseg.params.base import load
from breastseg.params.export import Export
from breastseg.serving.settings import Settings
from tests.deploy.files import ALERTS, PROMETHEUS, RECORDED, REPOSITORY, RULE_TESTS, read_yaml
from tests.deploy.promql import metric_names
from tests.tools import tool

if TYPE_CHECKING:
    from pathlib import Path

RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
CASES: list[dict[str, Any]] = [case for file in RULE_TESTS for case in read_yaml(file)["tests"]]


def promtool(*arguments: str | Path) -> None:
    command = [tool("promtool"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_is_valid() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_the_rules_are_valid() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)


@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_the_rules_do_what_their_tests_say(file: Path) -> None:
    promtool("test", "rules", file)


def seen(alert: str) -> set[bool]:
    """Whether the rules' tests see the alert firing (True), and quiet (False)."""
    looks = [look for case in CASES for look in case.get("alert_rule_test", [])]
    return {bool(look.get("exp_alerts")) for look in looks if look["alertname"] == alert}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_seen_firing_and_quiet(alert: str) -> None:
    assert seen(alert) == {True, False}


@pytest.mark.parametrize("record", RECORDED)
def test_a_recorded_figure_is_computed_by_hand(record: str) -> None:
    asked = [test["expr"] for case in CASES for test in case.get("promql_expr_test", [])]
    assert any(record in metric_names(expression) for expression in asked)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_bad_it_is_whose_and_what_to_do(alert: str) -> None:
    labels, annotations = ALERTS[alert]["labels"], ALERTS[alert]["annotations"]
    assert labels["severity"] in {"critical", "warning"}
    assert labels["owner"] in {"service", "model"}
    assert annotations["summary"]
    assert annotations["description"]
    page, _, anchor = annotations["runbook"].partition("#")
    assert anchor == alert.lower()
    paragraphs = dict(re.findall(r"^### (\w+)\n\n(.+)", (REPOSITORY / page).read_text("utf-8"), re.MULTILINE))
    assert paragraphs[alert].startswith(f"{labels['severity'].capitalize()}. ")


def test_the_page_tells_of_no_alert_that_there_is_not() -> None:
    text = (REPOSITORY / "docs" / "alerts.md").read_text("utf-8")
    assert re.findall(r"^### (\w+)$", text, re.MULTILINE) == list(ALERTS)
    assert set(re.findall(r"\(#(\w+)\)", text)) <= {alert.lower() for alert in ALERTS}
    assert "(alerts.md)" in (REPOSITORY / "docs" / "monitoring.md").read_text("utf-8")


def test_thresholds_are_those_that_they_say_to_be() -> None:
    fewest = Settings.model_fields["drift_min_images"].default
    for alert in ("BreastsegOutOfDistribution", "BreastsegExpectedDiceLow", "BreastsegEmptyShare"):
        assert ALERTS[alert]["expr"].rstrip().endswith(f" >= {fewest}")
    assert ALERTS["BreastsegQueueLong"]["expr"].endswith(f"> {Settings.model_fields['queue_places'].default // 2}")
    gate = load("export", Export, REPOSITORY / "params.yaml").gate
    assert f"breastseg_window_expected_dice < {gate.min_dice}\n" in ALERTS["BreastsegExpectedDiceLow"]["expr"]
