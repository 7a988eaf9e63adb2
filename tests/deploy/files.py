"""What lies in `deploy/`, read once for all tests: rules, their tests, the dashboard and its queries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PROMETHEUS = REPOSITORY / "deploy" / "prometheus"
RULE_TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
DASHBOARD: dict[str, Any] = json.loads((REPOSITORY / "deploy" / "grafana" / "dashboard.json").read_text("utf-8"))


def read_yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return content


def require_schema(schema: str, file: Path) -> None:
    """Hold a file against one of the schemas that come with check-jsonschema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed command
    assert done.returncode == 0, done.stdout + done.stderr


def _rules(name: str) -> list[dict[str, Any]]:
    groups = read_yaml(PROMETHEUS / "rules" / name)["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in _rules("alerts.yml")}
RECORDED = {rule["record"]: rule["expr"] for rule in _rules("recording.yml")}

PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
VARIABLES: list[dict[str, Any]] = DASHBOARD["templating"]["list"]
# with a value in the place of each variable, as Grafana asks them
PANEL_QUERIES = [
    target["expr"].replace("$__rate_interval", "10s").replace("$instance", ".*").replace("$window", ".*")
    for panel in PANELS
    for target in panel.get("targets", [])
]
ANNOTATION_QUERIES = [
    annotation["expr"].replace("$__rate_interval", "10s") for annotation in DASHBOARD["annotations"]["list"]
]
EXPRESSIONS = [*(rule["expr"] for rule in ALERTS.values()), *RECORDED.values(), *PANEL_QUERIES, *ANNOTATION_QUERIES]
