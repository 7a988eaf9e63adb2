"""The example of who hears of what is valid, and each alert goes to whom its labels name."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.deploy.files import ALERTS, PROMETHEUS
from tests.tools import tool

CONFIG = PROMETHEUS / "alertmanager.yml"


def amtool(*arguments: str) -> str:
    done = subprocess.run([tool("amtool"), *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_configuration_is_valid() -> None:
    assert "SUCCESS" in amtool("check-config", str(CONFIG))


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_goes_to_whom_its_labels_name(alert: str) -> None:
    labels = ALERTS[alert]["labels"]
    receiver = "on-call" if labels["severity"] == "critical" else f"{labels['owner']}-owners"
    told = [f"alertname={alert}", "job=breastseg", *(f"{name}={value}" for name, value in labels.items())]
    amtool("config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receiver}", *told)


def test_it_names_no_alert_that_there_is_not() -> None:
    named = set(re.findall(r'alertname!?="(\w+)"', CONFIG.read_text("utf-8")))
    assert named
    assert named <= set(ALERTS)


def test_its_receivers_are_placeholders_on_this_machine() -> None:
    urls = re.findall(r"\burl: (\S+)", CONFIG.read_text("utf-8"))
    assert urls
    assert all(url.startswith("http://127.0.0.1:") for url in urls)
