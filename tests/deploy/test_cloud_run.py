"""The file for Cloud Run fits the service; Google's own check of it needs a project."""

from __future__ import annotations

import pytest

from breastseg.serving.metrics import ROUTES
from breastseg.serving.settings import PREFIX, Settings
from tests.deploy.files import REPOSITORY, read_yaml

SERVICE = read_yaml(REPOSITORY / "deploy" / "gcp" / "cloudrun.yaml")
TEMPLATE = SERVICE["spec"]["template"]["spec"]
(CONTAINER,) = TEMPLATE["containers"]


def default(name: str) -> float:
    value: float = Settings.model_fields[name].default
    return value


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe"])
def test_probes_ask_for_what_the_service_answers_without_a_key(probe: str) -> None:
    path = CONTAINER[probe]["httpGet"]["path"]
    assert path in ROUTES
    assert path.startswith("/health/")


def test_an_instance_starts_when_it_is_ready_and_is_not_killed_for_not_being_so() -> None:
    asked = {probe: CONTAINER[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")}
    assert asked == {"startupProbe": "/health/ready", "livenessProbe": "/health/live"}


def test_it_is_no_instance_that_refuses_before_another_is_added() -> None:
    assert TEMPLATE["containerConcurrency"] < default("queue_places")


def test_no_request_is_cut_off_that_the_service_would_answer() -> None:
    assert TEMPLATE["timeoutSeconds"] > default("inference_timeout_s") + default("body_timeout_s")


def test_the_counts_of_monitoring_go_on_between_requests() -> None:
    annotations = SERVICE["spec"]["template"]["metadata"]["annotations"]
    assert annotations["run.googleapis.com/cpu-throttling"] == "false"
    assert int(annotations["autoscaling.knative.dev/minScale"]) > 0


def test_the_port_is_the_images() -> None:
    dockerfile = (REPOSITORY / "Dockerfile.serve").read_text("utf-8")
    (port,) = CONTAINER["ports"]
    assert f"BREASTSEG_PORT={port['containerPort']}\n" in dockerfile


def test_settings_are_known_and_keys_come_from_the_secret_manager() -> None:
    variables = {variable["name"]: variable for variable in CONTAINER["env"]}
    assert set(variables) <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert "secretKeyRef" in variables[f"{PREFIX}API_KEYS"]["valueFrom"]
    assert variables[f"{PREFIX}API_KEYS"]["valueFrom"]["secretKeyRef"]["key"].isdigit()


def test_it_has_ended_before_it_is_killed() -> None:
    variables = {variable["name"]: variable.get("value") for variable in CONTAINER["env"]}
    # Cloud Run kills 10 s after SIGTERM
    assert int(variables[f"{PREFIX}SHUTDOWN_GRACE_S"]) < 10
