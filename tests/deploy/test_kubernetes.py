"""The manifests build, fit Kubernetes' schemas and the service; no cluster is needed to tell."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.prometheus_operator.v1 import PrometheusRule, ServiceMonitor

from benchmarks.serving.image import USER
from breastseg.monitoring.windows import HORIZONS
from breastseg.serving.paths import METRICS
from breastseg.serving.settings import PREFIX, Settings
from tests.deploy.conftest import BRIGHT_PNG
from tests.deploy.files import ALERTS, PROMETHEUS, REPOSITORY, read_yaml
from tests.service.conftest import running_server
from tests.tools import tool

Manifest = dict[str, Any]

KUBERNETES = REPOSITORY / "deploy" / "kubernetes"
BASE = KUBERNETES / "base"
MONITORED = KUBERNETES / "components" / "prometheus-operator"
EXAMPLE = KUBERNETES / "overlays" / "example"
KUSTOMIZATIONS = sorted(file.parent for file in KUBERNETES.rglob("kustomization.yaml"))
# the oldest that knows all that is used, and the newest with a schema at hand
VERSIONS = ["1.30", "1.37"]
KEY = "anna-0123456789abcdef"

DEPLOYMENT = read_yaml(BASE / "deployment.yaml")
POD = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
LABELS = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
MONITOR = read_yaml(MONITORED / "service-monitor.yaml")
DOCKERFILE = (REPOSITORY / "Dockerfile.serve").read_text("utf-8")


def build(folder: Path) -> list[Manifest]:
    command = [tool("kubectl", way="https://kubernetes.io/docs/tasks/tools"), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def deployed(manifests: list[Manifest]) -> Manifest:
    """The container of the only deployment."""
    (deployment,) = [manifest for manifest in manifests if manifest["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)


def rules() -> Manifest:
    printed = subprocess.run([MONITORED / "rules.sh"], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return dict(yaml.safe_load(printed.stdout))


@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=lambda folder: folder.name)
def test_every_file_is_listed_and_every_listed_one_is_there(folder: Path) -> None:
    kustomization = read_yaml(folder / "kustomization.yaml")
    listed = [folder / path for key in ("resources", "components") for path in kustomization.get(key, ())]
    assert [path for path in listed if not path.exists()] == []
    assert {path for path in listed if path.suffix} == {*folder.glob("*.yaml")} - {folder / "kustomization.yaml"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", [BASE, EXAMPLE], ids=lambda folder: folder.name)
def test_what_is_built_fits_the_schemas_of_kubernetes(folder: Path, version: str) -> None:
    known = [manifest for manifest in build(folder) if manifest["kind"] != "ServiceMonitor"]
    assert {"Deployment", "HorizontalPodAutoscaler", "NetworkPolicy"} <= {manifest["kind"] for manifest in known}
    for manifest in known:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_what_is_built_names_the_image_of_the_registry_and_one_namespace() -> None:
    manifests = build(EXAMPLE)
    assert deployed(manifests)["image"] == "REGION-docker.pkg.dev/PROJECT/breastseg/breastseg-serve:VERSION"
    assert {manifest["metadata"].get("namespace", "breastseg") for manifest in manifests} == {"breastseg"}


def test_prometheus_operator_knows_every_field() -> None:
    # its models leave out what they do not know
    assert ServiceMonitor.model_validate(MONITOR).model_dump(by_alias=True, exclude_unset=True) == MONITOR
    rule = rules()
    found = PrometheusRule.model_validate(rule).model_dump(by_alias=True, exclude_unset=True)
    assert found == rule


def test_the_rules_are_those_of_every_prometheus() -> None:
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    assert rules()["spec"]["groups"] == [group for file in files for group in read_yaml(file)["groups"]]


def test_rules_and_alerts_know_the_service_by_its_name() -> None:
    service = read_yaml(BASE / "service.yaml")
    # without `jobLabel` the job is the name of what is scraped
    assert "jobLabel" not in MONITOR["spec"]
    named = {job for rule in ALERTS.values() for job in re.findall(r'job="(\w+)"', rule["expr"])}
    assert named == {service["metadata"]["name"]}
    (endpoint,) = MONITOR["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["path"] == METRICS
    assert endpoint["interval"] == read_yaml(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]


def test_all_speak_of_the_same_pods() -> None:
    budget, policy, service, autoscaler = (
        read_yaml(BASE / f"{name}.yaml")["spec"]
        for name in ("disruption-budget", "network-policy", "service", "autoscaler")
    )
    selectors = [DEPLOYMENT["spec"]["selector"], budget["selector"], policy["podSelector"]]
    selectors += [spread["labelSelector"] for spread in POD["topologySpreadConstraints"]]
    assert all(selector == {"matchLabels": LABELS} for selector in selectors)
    assert service["selector"] == LABELS
    assert autoscaler["scaleTargetRef"]["name"] == DEPLOYMENT["metadata"]["name"]
    # what the monitor selects by is put on the service by the kustomization
    (labels,) = read_yaml(BASE / "kustomization.yaml")["labels"]
    assert MONITOR["spec"]["selector"]["matchLabels"] == labels["pairs"] == LABELS


def test_the_container_may_do_as_little_as_the_image_was_tested_with() -> None:
    pod, container = POD["securityContext"], CONTAINER["securityContext"]
    assert f"USER {pod['runAsUser']}:{pod['runAsGroup']}\n" in DOCKERFILE
    assert str(pod["runAsUser"]) == USER
    assert pod["runAsNonRoot"] is True
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False


def test_its_account_is_there_and_has_no_token() -> None:
    account = read_yaml(BASE / "service-account.yaml")
    assert account["metadata"]["name"] == POD["serviceAccountName"]
    assert account["automountServiceAccountToken"] is False


def test_the_group_of_the_process_reads_the_keys_and_nobody_else() -> None:
    # the files are root's: without the group's right the process could not read them
    assert POD["securityContext"]["fsGroup"] == POD["securityContext"]["runAsGroup"]
    (keys,) = [volume["secret"] for volume in POD["volumes"] if "secret" in volume]
    assert keys["defaultMode"] == 0o440


def test_a_node_can_be_drained_and_leaves_a_pod_that_answers() -> None:
    budget, autoscaler = (read_yaml(BASE / f"{name}.yaml")["spec"] for name in ("disruption-budget", "autoscaler"))
    assert 0 < budget["maxUnavailable"] < autoscaler["minReplicas"] < autoscaler["maxReplicas"]
    # one that cannot get ready holds nobody up
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_a_pod_goes_alone_and_only_after_the_shorter_window_of_drift() -> None:
    down = read_yaml(BASE / "autoscaler.yaml")["spec"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= min(horizon.seconds for horizon in HORIZONS)
    assert [(policy["type"], policy["value"]) for policy in down["policies"]] == [("Pods", 1)]


def test_no_variable_of_the_cluster_is_taken_for_a_setting() -> None:
    # Kubernetes would put BREASTSEG_PORT=tcp://… into the pods of this namespace
    assert f"{read_yaml(BASE / 'service.yaml')['metadata']['name'].upper()}_" == PREFIX
    assert "port" in Settings.model_fields
    assert POD["enableServiceLinks"] is False


def test_no_answer_is_cut_off_when_a_pod_ends() -> None:
    leaving = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = Settings.model_fields["shutdown_grace_s"].default
    assert POD["terminationGracePeriodSeconds"] > leaving + grace
    # the pod is out of the balancers' sight before its port closes
    assert leaving >= CONTAINER["readinessProbe"]["periodSeconds"]


def test_every_place_has_the_same_processors_and_memory() -> None:
    limits = CONTAINER["resources"]["limits"]
    (cloud_run,) = read_yaml(REPOSITORY / "deploy/gcp/cloudrun.yaml")["spec"]["template"]["spec"]["containers"]
    assert cloud_run["resources"]["limits"] == limits
    compose = read_yaml(REPOSITORY / "deploy/compose.yaml")["services"]["breastseg"]
    assert (str(compose["cpus"]), compose["mem_limit"]) == (limits["cpu"], limits["memory"].removesuffix("i").lower())


def test_only_the_proxy_and_prometheus_reach_it_and_it_reaches_nobody() -> None:
    policy = read_yaml(BASE / "network-policy.yaml")["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert policy["egress"] == []
    (ingress,) = policy["ingress"]
    assert {place["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for place in ingress["from"]} == {
        "ingress",
        "monitoring",
    }
    assert [port["port"] for port in ingress["ports"]] == [port["name"] for port in CONTAINER["ports"]]


def test_the_page_makes_the_secret_that_is_mounted() -> None:
    page = (REPOSITORY / "docs" / "kubernetes.md").read_text("utf-8")
    (keys,) = [volume["secret"] for volume in POD["volumes"] if "secret" in volume]
    file = Path({entry["name"]: entry.get("value") for entry in CONTAINER["env"]}[f"{PREFIX}API_KEYS_FILE"]).name
    assert f"create secret generic {keys['secretName']} --from-file={file}" in page


def inside(folders: dict[str, Path], path: str) -> Path:
    """Where a path of the container lies when its volumes are these folders; it lies in one of them."""
    (place,) = [place for place in folders if Path(path).is_relative_to(place)]
    assert ".." not in Path(path).parts
    return folders[place] / Path(path).relative_to(place)


def test_the_service_starts_in_its_environment_and_answers_probes_and_prometheus(
    model_path: Path, tmp_path: Path
) -> None:
    container = deployed(build(EXAMPLE))
    # each volume is a folder here
    here = {mount["mountPath"]: tmp_path / mount["name"] for mount in container["volumeMounts"]}
    for folder in here.values():
        folder.mkdir()
    settings = {entry["name"].removeprefix(PREFIX).lower(): inside(here, entry["value"]) for entry in container["env"]}
    assert set(settings) <= set(Settings.model_fields)
    unwritable = [here[mount["mountPath"]] for mount in container["volumeMounts"] if mount.get("readOnly")]
    assert unwritable == [settings["api_keys_file"].parent]
    settings["api_keys_file"].write_text(f"anna={KEY}\n", encoding="utf-8")
    (host,) = re.findall(rf"{PREFIX}HOST=(\S+)", DOCKERFILE)
    with running_server(model_path, host=host, **{name: str(path) for name, path in settings.items()}) as server:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert server.get(container[probe]["httpGet"]["path"]).status_code == 200
        assert "breastseg_ready 1.0" in server.get(MONITOR["spec"]["endpoints"][0]["path"]).text
        assert server.post("/v1/segment", files={"file": BRIGHT_PNG}).status_code == 401
        with_key = {"X-API-Key": KEY}
        assert server.post("/v1/segment", files={"file": BRIGHT_PNG}, headers=with_key).status_code == 200
    assert settings["drift_state"].stat().st_size > 0
    assert len([*settings["prediction_log"].iterdir()]) == 1


def test_a_pod_that_is_not_ready_is_not_killed_for_it() -> None:
    asked = {probe: CONTAINER[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")}
    assert asked == {"readinessProbe": "/health/ready", "livenessProbe": "/health/live"}


def test_the_port_is_the_images() -> None:
    (port,) = CONTAINER["ports"]
    assert f"{PREFIX}PORT={port['containerPort']}\n" in DOCKERFILE
    probes = [CONTAINER[probe]["httpGet"]["port"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert probes == [port["name"]] * 3
    assert read_yaml(BASE / "service.yaml")["spec"]["ports"][0]["targetPort"] == port["name"]
