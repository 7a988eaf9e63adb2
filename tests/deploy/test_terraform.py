"""Terraform's files are well formed, agree with what else is said of the Google project, and keep no secret."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import hcl2
import pytest

from tests.deploy.files import ALERTS, REPOSITORY, read_yaml
from tests.tools import tool

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = REPOSITORY / "deploy" / "terraform"
FILES = sorted(FOLDER.glob("*.tf"))
TEXT = "\n".join(file.read_text("utf-8") for file in FILES)
CLOUD_RUN = REPOSITORY / "deploy" / "gcp" / "cloudrun.yaml"
GCS = (REPOSITORY / "docs" / "gcs.md").read_text("utf-8")


def run_terraform(*arguments: str, folder: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [tool("terraform", way="https://developer.hashicorp.com/terraform/install"), *arguments]
    # it asks nobody for newer versions
    own = os.environ | {"CHECKPOINT_DISABLE": "1"}
    return subprocess.run(command, cwd=folder, env=own, input=given, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def terraform(*arguments: str, folder: Path, given: str = "") -> str:
    done = run_terraform(*arguments, folder=folder, given=given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def plain(content: Any) -> Any:  # noqa: ANN401 - any HCL
    """What a file says, without the quotes that the parser keeps."""
    if isinstance(content, dict):
        return {plain(name): plain(value) for name, value in content.items() if not name.startswith("__")}
    if isinstance(content, list):
        return [plain(value) for value in content]
    return content[1:-1] if isinstance(content, str) and content.startswith('"') else content


def blocks(kind: str) -> list[dict[str, Any]]:
    found = [plain(hcl2.loads(file.read_text("utf-8"))) for file in FILES]
    return [block for content in found for block in content.get(kind, [])]


RESOURCES: dict[str, dict[str, dict[str, Any]]] = {}
for block in blocks("resource"):
    for kind, named in block.items():
        RESOURCES.setdefault(kind, {}).update(named)
VARIABLES = {name: variable for block in blocks("variable") for name, variable in block.items()}
(BUCKET,) = RESOURCES["google_storage_bucket"].values()


def test_the_files_are_formatted() -> None:
    terraform("fmt", "-check", "-diff", folder=FOLDER)


def evaluate(expression: str, tmp_path: Path) -> Any:  # noqa: ANN401 - any JSON
    """What Terraform itself makes of an expression, in the names that the file for Cloud Run gives."""
    (names,) = re.findall(r"^locals \{\n.*?^\}", (FOLDER / "service.tf").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    (tmp_path / "gcp").mkdir()
    (tmp_path / "gcp" / CLOUD_RUN.name).write_text(CLOUD_RUN.read_text("utf-8"), "utf-8")
    (tmp_path / "terraform").mkdir()
    (tmp_path / "terraform" / "names.tf").write_text(names, "utf-8")
    printed = terraform("console", folder=tmp_path / "terraform", given=f"jsonencode({expression})\n")
    return json.loads(json.loads(printed))


def test_cloud_run_has_the_numbers_of_the_file_for_gcloud(tmp_path: Path) -> None:
    (template,) = RESOURCES["google_cloud_run_v2_service"]["serve"]["template"]
    (container,) = template["containers"]
    (scaling,) = template["scaling"]
    (resources,) = container["resources"]
    (startup,), (liveness,) = container["startup_probe"], container["liveness_probe"]
    asked = {
        "timeout": template["timeout"].replace('"', ""),
        "concurrency": template["max_instance_request_concurrency"],
        "fewest": scaling["min_instance_count"],
        "most": scaling["max_instance_count"],
        "port": container["ports"][0]["container_port"],
        "limits": resources["limits"],
        "idle": resources["cpu_idle"],
        "boost": resources["startup_cpu_boost"],
        "start": startup["http_get"][0]["path"],
        "tries": startup["failure_threshold"],
        "alive": liveness["http_get"][0]["path"],
        "wait": liveness["timeout_seconds"],
        "values": container["dynamic"][0]["env"]["for_each"],
        "secrets": container["dynamic"][1]["env"]["for_each"],
    }
    expression = ", ".join(f"{name} = {quoted(value)}" for name, value in asked.items())
    found = evaluate(f"{{{expression}}}", tmp_path)
    service = read_yaml(CLOUD_RUN)["spec"]["template"]
    annotations, pod = service["metadata"]["annotations"], service["spec"]
    (own,) = pod["containers"]
    assert found == {
        "timeout": f"{pod['timeoutSeconds']}s",
        "concurrency": pod["containerConcurrency"],
        "fewest": int(annotations["autoscaling.knative.dev/minScale"]),
        "most": int(annotations["autoscaling.knative.dev/maxScale"]),
        "port": own["ports"][0]["containerPort"],
        "limits": own["resources"]["limits"],
        "idle": annotations["run.googleapis.com/cpu-throttling"] != "false",
        "boost": annotations["run.googleapis.com/startup-cpu-boost"] != "false",
        "start": own["startupProbe"]["httpGet"]["path"],
        "tries": own["startupProbe"]["failureThreshold"],
        "alive": own["livenessProbe"]["httpGet"]["path"],
        "wait": own["livenessProbe"]["timeoutSeconds"],
        "values": {entry["name"]: entry["value"] for entry in own["env"] if "value" in entry},
        "secrets": {e["name"]: e["valueFrom"]["secretKeyRef"] for e in own["env"] if "valueFrom" in e},
    }
    # and both kinds of variables are there
    assert all(len(found[kind]) == 1 for kind in ("values", "secrets"))


def test_the_service_gets_each_variable_as_the_file_says_it() -> None:
    (template,) = RESOURCES["google_cloud_run_v2_service"]["serve"]["template"]
    (container,) = template["containers"]
    values, secrets = ([plain(each) for each in entry["env"]["content"]] for entry in container["dynamic"])
    assert values == [{"name": "${env.key}", "value": "${env.value}"}]
    # the version too: `latest` would be read as each instance starts
    reference = {"secret": "${env.value.name}", "version": "${env.value.key}"}
    assert secrets == [{"name": "${env.key}", "value_source": [{"secret_key_ref": [reference]}]}]


def quoted(value: str) -> str:
    """An expression as Terraform reads it: the parser keeps `${…}` around one that is no text."""
    whole = re.fullmatch(r"\$\{((?:[^{}]|\{[^{}]*\})*)\}", value)
    return whole[1] if whole else f'"{value}"'


def test_the_bucket_is_the_one_that_the_page_makes_by_hand() -> None:
    assert BUCKET["uniform_bucket_level_access"] is True
    assert BUCKET["public_access_prevention"] == "enforced"
    assert BUCKET["versioning"] == [{"enabled": True}]
    assert BUCKET["lifecycle"] == [{"prevent_destroy": True}]
    (days,) = re.findall(r"--soft-delete-duration=(\d+)d", GCS)
    assert BUCKET["soft_delete_policy"] == [{"retention_duration_seconds": int(days) * 86400}]
    (rule,) = re.findall(r"echo '(\{.*\})' > lifecycle.json", GCS)
    (written,) = json.loads(rule)["rule"]
    (lifecycle,) = BUCKET["lifecycle_rule"]
    assert lifecycle["action"] == [written["action"]]
    assert lifecycle["condition"] == [{"days_since_noncurrent_time": written["condition"]["daysSinceNoncurrentTime"]}]
    # each push writes the run-cache's entries anew
    assert "retention_policy" not in BUCKET


def test_accounts_have_the_names_that_pages_and_files_give_them() -> None:
    made = {account["account_id"] for account in RESOURCES["google_service_account"].values()}
    used = set(re.findall(r"service-accounts create (\S+)", GCS))
    for name in ("cloudrun", "train-cpu", "train-gpu"):
        used |= set(
            re.findall(r"[aA]ccount(?:Name)?: (\S+)@PROJECT", (CLOUD_RUN.parent / f"{name}.yaml").read_text("utf-8"))
        )
    assert made == used == {"breastseg-pull", "breastseg-serve", "breastseg-train"}


def test_the_service_runs_as_the_account_that_reads_its_keys() -> None:
    (template,) = RESOURCES["google_cloud_run_v2_service"]["serve"]["template"]
    assert template["service_account"] == "${google_service_account.serve.email}"
    named = read_yaml(CLOUD_RUN)["spec"]["template"]["spec"]["serviceAccountName"].partition("@")[0]
    assert RESOURCES["google_service_account"]["serve"]["account_id"] == named == "breastseg-serve"


def test_each_account_may_do_one_thing() -> None:
    given = {
        (kind.removeprefix("google_"), name): grant["role"]
        for kind, grants in RESOURCES.items()
        if kind.endswith(("_iam_member", "_iam_binding", "_iam_policy"))
        for name, grant in grants.items()
    }
    assert given == {
        ("storage_bucket_iam_member", "readers"): "roles/storage.objectViewer",
        ("storage_bucket_iam_member", "pull"): "roles/storage.objectViewer",
        ("storage_bucket_iam_member", "train"): "roles/storage.objectUser",
        ("service_account_iam_member", "ci"): "roles/iam.workloadIdentityUser",
        ("secret_manager_secret_iam_member", "serve"): "roles/secretmanager.secretAccessor",
        ("cloud_run_v2_service_iam_member", "callers"): "roles/run.invoker",
    }


def test_a_grant_that_is_named_after_an_account_is_its_own() -> None:
    members = {
        (kind, name): grant["member"]
        for kind in ("google_storage_bucket_iam_member", "google_secret_manager_secret_iam_member")
        for name, grant in RESOURCES[kind].items()
        if name in RESOURCES["google_service_account"]
    }
    assert sorted(name for _, name in members) == ["pull", "serve", "train"]
    for (_, name), member in members.items():
        assert member == f"${{google_service_account.{name}.member}}"


def test_ci_comes_in_as_the_page_says() -> None:
    (provider,) = RESOURCES["google_iam_workload_identity_pool_provider"].values()
    (pool,) = RESOURCES["google_iam_workload_identity_pool"].values()
    assert f"workload-identity-pools create {pool['workload_identity_pool_id']} " in GCS
    assert f"providers create-oidc {provider['workload_identity_pool_provider_id']} " in GCS
    assert f"--issuer-uri={provider['oidc'][0]['issuer_uri']} " in GCS
    mapping = ",".join(f"{name}={value}" for name, value in provider["attribute_mapping"].items())
    assert f"--attribute-mapping={mapping} " in GCS
    condition = provider["attribute_condition"].replace("${var.repository}", "$REPOSITORY")
    assert f'--attribute-condition="{condition}"' in GCS
    (grant,) = RESOURCES["google_service_account_iam_member"].values()
    assert grant["service_account_id"] == "${google_service_account.pull.name}"
    assert grant["member"].endswith("/attribute.repository/${var.repository}")


def test_the_key_is_put_in_by_hand_and_where_the_service_looks() -> None:
    (secret,) = RESOURCES["google_secret_manager_secret"].values()
    assert f"name: {secret['secret_id']}\n" in CLOUD_RUN.read_text("utf-8")
    # what Terraform writes or makes stands in its state
    assert not {"google_secret_manager_secret_version", "google_service_account_key"} & set(RESOURCES)


@pytest.mark.parametrize("name", ["terraform.tfstate", "terraform.tfvars", ".terraform/x", "plan.tfplan"])
def test_neither_state_nor_values_are_committed(name: str) -> None:
    command = ["git", "check-ignore", "--quiet", f"deploy/terraform/{name}"]
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0  # noqa: S603 - fixed command


def test_nothing_is_open_to_everybody() -> None:
    members = re.findall(r'member\s*=\s*"(.*)"', TEXT)
    assert not [member for member in members if "allUsers" in member or "allAuthenticatedUsers" in member]
    assert RESOURCES["google_cloud_run_v2_service"]["serve"]["ingress"] == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    assert read_yaml(CLOUD_RUN)["metadata"]["annotations"] == {"run.googleapis.com/ingress": "internal"}


IMAGE = "europe-west3-docker.pkg.dev/clinic-research/breastseg/breastseg-serve"
REFUSED = {
    "project": "Clinic",
    "region": "eu",
    "bucket": "gs://clinic",
    "readers": '["allUsers"]',
    "repository": "clinic",
    "image": f"{IMAGE}:latest",
    "callers": '["allAuthenticatedUsers"]',
    "alert_emails": '["on-call"]',
    "uptime_host": "https://breastseg.clinic.example",
}


def plan(folder: Path, **values: str) -> subprocess.CompletedProcess[str]:
    """Let Terraform judge the example's values, with these instead of some: variables alone need no provider."""
    shutil.copy(FOLDER / "variables.tf", folder)
    chosen = [f"-var={name}={value}" for name, value in values.items()]
    file = f"-var-file={FOLDER / 'terraform.tfvars.example'}"
    return run_terraform("plan", "-no-color", "-input=false", file, *chosen, folder=folder)


def test_the_values_of_the_example_are_taken(tmp_path: Path) -> None:
    done = plan(tmp_path, image=f"{IMAGE}:0.1.0", callers='["serviceAccount:a@b.example"]', uptime_host="a.example")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_says_what_it_is_and_refuses_what_it_cannot_be(variable: str, tmp_path: Path) -> None:
    assert VARIABLES[variable]["description"]
    done = plan(tmp_path, **{variable: REFUSED[variable]})
    assert done.returncode == 1
    assert done.stderr.count("Error:") == 1
    assert f'variable "{variable}"' in done.stderr


def test_the_example_sets_what_has_to_be_set_and_what_there_is() -> None:
    lines = (FOLDER / "terraform.tfvars.example").read_text("utf-8")
    named = set(re.findall(r"^(?:# )?(\w+) += ", lines, re.MULTILINE))
    needed = {name for name, variable in VARIABLES.items() if "default" not in variable}
    assert needed <= named <= set(VARIABLES)


def alerts() -> dict[str, dict[str, str]]:
    (found,) = [block["alerts"] for block in blocks("locals") if "alerts" in block]
    return dict(found)


@pytest.mark.parametrize(("name", "alert"), [("errors", "BreastsegErrors"), ("slow", "BreastsegSlow")])
def test_an_alert_begins_where_prometheus_does(name: str, alert: str) -> None:
    threshold = float(alerts()[name]["query"].rpartition(" > ")[2])
    # Cloud Run counts milliseconds
    own = float(ALERTS[alert]["expr"].rpartition(" > ")[2]) * (1000 if name == "slow" else 1)
    assert threshold == own
    assert int(alerts()[name]["duration"].removesuffix("s")) == int(ALERTS[alert]["for"].removesuffix("m")) * 60
    assert alerts()[name]["severity"].lower() == ALERTS[alert]["labels"]["severity"]


def test_the_check_from_outside_raises_an_alarm_where_two_places_get_no_answer() -> None:
    (condition,) = RESOURCES["google_monitoring_alert_policy"]["uptime"]["conditions"]
    assert condition["display_name"].startswith("two places or more ")
    (threshold,) = condition["condition_threshold"]
    (counted,) = threshold["aggregations"]
    assert counted["cross_series_reducer"] == "REDUCE_COUNT_FALSE"
    assert (threshold["comparison"], threshold["threshold_value"]) == ("COMPARISON_GT", 1)


@pytest.mark.parametrize("name", ["down", "errors", "slow"])
def test_a_query_can_be_asked_and_the_page_says_what_to_do(name: str, tmp_path: Path) -> None:
    alert = alerts()[name]
    query = alert["query"].replace("${local.of_service}", 'service_name="breastseg"').replace('\\"', '"')
    rule = {"groups": [{"name": "cloud-run", "rules": [{"alert": name, "expr": query}]}]}
    (tmp_path / "rules.yml").write_text(json.dumps(rule), "utf-8")
    done = subprocess.run(  # noqa: S603 - ours
        [tool("promtool"), "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"### {alert['anchor']}\n".lower() in (REPOSITORY / "docs" / "alerts.md").read_text("utf-8").lower()
