"""Prometheus and Alertmanager as they are deployed, but on free ports of this machine and in a hurry."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx2
import yaml

from benchmarks.serving.process import free_port
from tests.deploy.files import PROMETHEUS, read_yaml
from tests.tools import tool
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EACH = "500ms"
Message = tuple[str, str]


@dataclass(frozen=True)
class Watched:
    """What watches a server.

    Attributes:
        prometheus: Asks Prometheus.
        alertmanager: Asks Alertmanager.
        messages: Whom Alertmanager has told of which alert so far.
    """

    prometheus: httpx2.Client
    alertmanager: httpx2.Client
    messages: list[Message]

    def ask(self, path: str, **params: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the data of an answer of Prometheus, which has to be a success."""
        answer = self.prometheus.get(f"/api/v1/{path}", params=params).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def firing(self) -> set[tuple[str, str]]:
        """The name of each alert that fires, and its window where it has one."""
        firing = [alert["labels"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"]
        return {(labels["alertname"], labels.get("window", "")) for labels in firing}

    def states(self) -> dict[str, str]:
        """What Alertmanager thinks of each alert, by its name."""
        alerts = self.alertmanager.get("/api/v2/alerts").json()
        return {alert["labels"]["alertname"]: alert["status"]["state"] for alert in alerts}


@contextmanager
def watching(folder: Path, service: str) -> Iterator[Watched]:
    """Watch a service, given as host and port, from its first scrape on, with all files in a folder."""
    programs = tool("prometheus"), tool("alertmanager", "prometheus-alertmanager")
    with ExitStack() as stack:
        messages = list[Message]()
        receivers = stack.enter_context(_receivers(messages))
        ports = free_port(), free_port()
        config = _hurried_copy(folder, service, f"127.0.0.1:{ports[1]}", receivers)
        commands = _commands(programs, config, ports)
        prometheus, alertmanager = (
            stack.enter_context(_running(command, port)) for command, port in zip(commands, ports, strict=True)
        )
        watched = Watched(prometheus, alertmanager, messages)
        # until its first scrape, after some seconds, Prometheus says that nothing is reached; that a server goes is no
        # news to it before that is taken back
        wait_until(lambda: watched.ask("query", query='up{job="breastseg"} == 1')["result"])
        wait_until(lambda: ("BreastsegUnreachable", "") not in watched.firing())
        yield watched


def _commands(programs: tuple[str, str], config: Path, ports: tuple[int, int]) -> list[list[str]]:
    listen = [f"--web.listen-address=127.0.0.1:{port}" for port in ports]
    prometheus, alertmanager = programs
    return [
        [
            prometheus,
            f"--config.file={config}/prometheus.yml",
            f"--storage.tsdb.path={config}/data",
            # what was sent before Alertmanager was found is said again soon, not after a minute
            "--rules.alert.resend-delay=2s",
            listen[0],
        ],
        [
            alertmanager,
            f"--config.file={config}/alertmanager.yml",
            f"--storage.path={config}/alerts",
            # alone: no port for others of a cluster
            "--cluster.listen-address=",
            listen[1],
        ],
    ]


@contextmanager
def _running(command: list[str], port: int) -> Iterator[httpx2.Client]:
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,  # noqa: S603 - ours
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client,
    ):
        try:
            wait_until(lambda: _is_ready(process, client))
            yield client
        finally:
            process.terminate()


def _is_ready(process: subprocess.Popen[bytes], client: httpx2.Client) -> bool:
    assert process.poll() is None, f"{process.args!r} has ended"
    try:
        return client.get("/-/ready").status_code == httpx2.codes.OK
    except httpx2.ConnectError:
        return False


def _hurried_copy(folder: Path, service: str, alertmanager: str, receivers: str) -> Path:
    """Copy the configuration, with these addresses, and with waits that a test has time for."""
    copy = shutil.copytree(PROMETHEUS, folder / "prometheus")
    _change(copy / "targets" / "breastseg.yml", lambda targets: targets[0].update(targets=[service]))
    _change(copy / "prometheus.yml", lambda config: _hurry_prometheus(config, alertmanager))
    _change(copy / "rules" / "alerts.yml", _hurry_alerts)
    _change(copy / "alertmanager.yml", lambda config: _hurry_alertmanager(config, receivers))
    return copy


def _change(file: Path, change: Callable[[Any], None]) -> None:
    content = read_yaml(file)
    change(content)
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _hurry_prometheus(config: dict[str, Any], alertmanager: str) -> None:
    config["global"] = dict.fromkeys(config["global"], EACH) | {"scrape_timeout": EACH}
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager]


def _hurry_alerts(rules: dict[str, Any]) -> None:
    for group in rules["groups"]:
        for rule in group["rules"]:
            # a server that has just begun is silent too: that alert keeps its hour
            if "for" in rule and rule["alert"] != "BreastsegSilent":
                rule["for"] = EACH


def _hurry_alertmanager(config: dict[str, Any], receivers: str) -> None:
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": EACH, "group_interval": EACH}
    for receiver in config["receivers"]:
        for webhook in receiver["webhook_configs"]:
            webhook["url"] = f"{receivers}/{receiver['name']}"


@contextmanager
def _receivers(messages: list[Message]) -> Iterator[str]:
    """Stand in for everybody who is told; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            firing = [alert["labels"] for alert in content["alerts"] if alert["status"] == "firing"]
            messages.extend((self.path.strip("/"), labels["alertname"]) for labels in firing)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
