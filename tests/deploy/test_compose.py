"""The file for Docker Compose fits the service, what watches it, and each other; no engine is needed to tell."""

from __future__ import annotations

import re
import subprocess

import yaml

from breastseg.serving.settings import PREFIX, Settings
from tests.deploy.files import PROMETHEUS, REPOSITORY, read_yaml, require_schema

FILE = REPOSITORY / "deploy" / "compose.yaml"
COMPOSE = read_yaml(FILE)
SERVICES = COMPOSE["services"]
PROVISIONING = REPOSITORY / "deploy" / "grafana" / "provisioning"


def test_the_file_fits_its_schema() -> None:
    require_schema("vendor.compose-spec", FILE)


def test_the_service_knows_its_settings_and_has_time_to_end() -> None:
    service = SERVICES["breastseg"]
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert set(service["environment"]) <= known
    grace = Settings.model_fields["shutdown_grace_s"].default
    assert int(service["stop_grace_period"].removesuffix("s")) > grace


def test_what_the_service_keeps_lies_in_a_volume_that_it_may_write_to() -> None:
    service = SERVICES["breastseg"]
    (volume,) = service["volumes"]
    place: str = volume.partition(":")[2]
    variables: dict[str, str] = service["environment"]
    kept = [variables[f"{PREFIX}{name}"] for name in ("DRIFT_STATE", "PREDICTION_LOG")]
    assert all(path.startswith(f"{place}/") for path in kept)
    dockerfile = (REPOSITORY / "Dockerfile.serve").read_text("utf-8")
    assert f"COPY --from=builder --chown=10001:10001 /state {place}\n" in dockerfile
    assert "USER 10001:10001\n" in dockerfile


def test_prometheus_finds_the_others_under_their_names() -> None:
    groups: list[dict[str, list[str]]] = yaml.safe_load((PROMETHEUS / "targets/breastseg.yml").read_text("utf-8"))
    targets = [target for group in groups for target in group["targets"]]
    managers = read_yaml(PROMETHEUS / "prometheus.yml")["alerting"]["alertmanagers"]
    targets += [target for manager in managers for group in manager["static_configs"] for target in group["targets"]]
    assert {target.partition(":")[0] for target in targets} <= set(SERVICES)
    source = read_yaml(PROVISIONING / "datasources/prometheus.yaml")["datasources"][0]
    assert source["url"] == "http://prometheus:9090"


def test_every_file_that_is_mounted_is_there() -> None:
    mounted = [volume for service in SERVICES.values() for volume in service["volumes"]]
    paths = [volume.partition(":")[0] for volume in mounted if volume.startswith(".")]
    assert paths
    assert [path for path in paths if not (FILE.parent / path).exists()] == []
    dashboards = read_yaml(PROVISIONING / "dashboards/breastseg.yaml")["providers"][0]["options"]["path"]
    assert any(f":{dashboards}/" in volume for volume in mounted)


def test_no_key_is_committed_by_mistake() -> None:
    pages = [*(REPOSITORY / "docs").glob("*.md"), FILE]
    told = {file for page in pages for file in re.findall(r"openssl rand [^>|]*>+ *(\S+)", page.read_text("utf-8"))}
    secrets = {f"deploy/{secret['file']}" for secret in COMPOSE["secrets"].values()}
    assert secrets <= told
    for file in told:
        command = ["git", "check-ignore", "--quiet", file]
        assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0, file  # noqa: S603 - fixed command


def test_the_service_may_not_do_or_take_more_than_it_needs() -> None:
    service = SERVICES["breastseg"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    # what the largest images take: docs/benchmarks.md
    assert (service["cpus"], service["mem_limit"]) == (2, "2g")


def test_nobody_else_is_let_in() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
