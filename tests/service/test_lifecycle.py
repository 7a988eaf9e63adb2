"""What an operator does to a running server: a new model, the end, clients that leave."""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx2
import numpy as np
import psutil
import pytest
import uvicorn
from PIL import Image

from breastseg.inference.segmenter import Segmentation, Segmenter
from breastseg.serving.app import create_app
from breastseg.serving.opened_model import OpenedModel
from breastseg.serving.service import Service
from breastseg.serving.settings import Settings
from tests.onnx_models import heavy_graph, make_contract, write_model
from tests.service.conftest import SERVE, environment, running_server
from tests.service.test_server import speckle
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from breastseg.inference.session import Stop

pytestmark = pytest.mark.extended

IMAGE = speckle("PNG", (120, 90))


def large_image() -> bytes:
    """An image that keeps a worker busy for some tenths of a second."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (4000, 4000), dtype=np.uint8)
    Image.fromarray(noise).save(file, "BMP")
    return file.getvalue()


def encoder(client: httpx2.Client) -> str:
    answer: str = client.get("/v1/model").json()["contract"]["encoder"]
    return answer


def answers_with(client: httpx2.Client, name: str) -> Callable[[], bool]:
    return lambda: encoder(client) == name


def test_a_new_model_is_switched_to_on_a_signal_without_a_lost_request(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx")
    with running_server(path) as client:
        stop, statuses = threading.Event(), list[int]()

        def ask() -> None:
            with httpx2.Client(base_url=client.base_url, timeout=120) as other:
                while not stop.is_set():
                    statuses.append(other.post("/v1/segment", files={"file": IMAGE}).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        wait_until(lambda: bool(statuses))
        write_model(path, make_contract(encoder="newer").to_json())
        client.process.send_signal(signal.SIGHUP)
        wait_until(lambda: encoder(client) == "newer")
        path.write_bytes(b"broken")
        client.process.send_signal(signal.SIGHUP)
        seen = len(statuses)
        wait_until(lambda: len(statuses) > seen + 20)
        assert encoder(client) == "newer"
        stop.set()
        asking.join()
    assert set(statuses) == {200}


def test_memory_stays_flat_over_many_new_models(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", graph=heavy_graph())
    with running_server(path, threads="2") as client:
        process = psutil.Process(client.process.pid)
        client.post("/v1/segment", files={"file": IMAGE})
        fresh = process.memory_info().rss
        for number in range(8):
            name = f"model {number}"
            write_model(path, make_contract(encoder=name).to_json(), heavy_graph())
            client.process.send_signal(signal.SIGHUP)
            wait_until(answers_with(client, name))
            client.post("/v1/segment", files={"file": IMAGE})
        # the model is open twice in it: one that is kept without need is 34 MB and more
        wait_until(lambda: process.memory_info().rss - fresh < 20 * 2**20)


def test_an_address_that_is_taken_is_one_clear_error(model_path: Path) -> None:
    with running_server(model_path) as server:
        port = str(server.base_url.port)
        command = [*SERVE, "--model", str(model_path), "--port", port]
        second = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert second.returncode == 1
    assert second.stderr.startswith(f"Nothing can listen on 127.0.0.1, port {port} (Address already in use). Choose")
    assert "Traceback" not in second.stdout + second.stderr


def test_sigterm_again_and_again_still_ends_in_order(model_path: Path) -> None:
    # that it ends with status 0 is seen where it is left
    with running_server(model_path) as server:

        def has_ended() -> bool:
            server.process.send_signal(signal.SIGTERM)
            return server.process.poll() is not None

        wait_until(has_ended)


def test_requests_in_work_are_answered_after_sigterm(tmp_path: Path) -> None:
    with running_server(write_model(tmp_path / "m.onnx"), max_upload_bytes="20000000") as client:
        statuses: list[int] = []
        data = large_image()
        workers = [
            threading.Thread(
                target=lambda: statuses.append(client.post("/v1/segment", files={"file": data}).status_code)
            )
            for _ in range(3)
        ]
        for worker in workers:
            worker.start()
        wait_until(lambda: client.connections() >= 3)
        client.process.terminate()
        for worker in workers:
            worker.join()
    assert statuses == [200] * 3


class HeldSegmenter(Segmenter):
    """A real segmenter that answers when it is let go."""

    def hold(self) -> threading.Event:
        self.let_go, self.in_work = threading.Event(), threading.Event()
        self.let_go.set()
        return self.let_go

    def segment(self, image: np.ndarray, stop: Stop | None = None) -> Segmentation:
        self.in_work.set()
        assert self.let_go.wait(timeout=120)
        return super().segment(image, stop)


@contextmanager
def serving_in_this_process(app: FastAPI) -> Iterator[httpx2.Client]:
    """A real server in a thread, so that the test decides when its model answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=120) as client:
                wait_until(lambda: server.started and client.get("/health/ready").status_code == 200)
                yield client
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def serving_held(tmp_path: Path, **settings: object) -> Iterator[tuple[httpx2.Client, HeldSegmenter, Service]]:
    """A real server whose model answers no image before `let_go` is set."""
    checked = Settings.model_validate({"model": write_model(tmp_path / "m.onnx"), **settings})
    segmenter = HeldSegmenter.load(checked.model)
    let_go = segmenter.hold()
    app = create_app(checked)
    app.state.service = service = Service(OpenedModel(segmenter, segmenter), checked)
    with serving_in_this_process(app) as client:
        let_go.clear()
        segmenter.in_work.clear()
        yield client, segmenter, service


def test_health_is_answered_while_an_image_is_in_work(tmp_path: Path) -> None:
    with serving_held(tmp_path) as (client, segmenter, _):
        statuses: list[int] = []
        asking = threading.Thread(target=lambda: statuses.append(ask(client)))
        asking.start()
        assert segmenter.in_work.wait(timeout=120)
        health = [client.get(f"/health/{state}").status_code for state in ("live", "ready", "live")]
        assert statuses == []
        segmenter.let_go.set()
        asking.join()
    assert health == [200] * 3
    assert statuses == [200]


def test_clients_that_leave_free_their_places(tmp_path: Path) -> None:
    with serving_held(tmp_path, concurrency=1, queue_places=4) as (client, segmenter, service):
        staying = threading.Thread(target=ask, args=[client])
        staying.start()
        assert segmenter.in_work.wait(timeout=120)
        leaving = [start_request(client, IMAGE) for _ in range(4)]
        wait_until(lambda: service.waiting == 4)
        assert ask(client) == 503
        for connection in leaving:
            connection.close()
        # the first image is still in work: places are free because their clients have left
        wait_until(lambda: service.waiting == 0)
        late = start_request(client, IMAGE)
        wait_until(lambda: service.waiting == 1)
        segmenter.let_go.set()
        assert late.recv(12) == b"HTTP/1.1 200"
        late.close()
        staying.join()


def start_request(client: httpx2.Client, data: bytes) -> socket.socket:
    """Send a whole request, and do not wait for its answer."""
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = part + data + b"\r\n--x--\r\n"
    head = f"Host: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n\r\n"
    connection = socket.create_connection((client.base_url.host, client.base_url.port))
    connection.sendall(f"POST /v1/segment HTTP/1.1\r\n{head}".encode() + body)
    return connection


def ask(client: httpx2.Client, data: bytes = IMAGE) -> int:
    """Post an image and return the status of the response."""
    return client.post("/v1/segment", files={"file": data}).status_code


@pytest.mark.parametrize("include", ["mask", "mask,probability,overlay"])
def test_many_at_once_get_an_answer_or_are_told_when_to_come_back(tmp_path: Path, include: str) -> None:
    with running_server(write_model(tmp_path / "m.onnx"), concurrency="1", queue_places="1") as client:
        answers: list[httpx2.Response] = []
        data = speckle("PNG", (1200, 1200))
        workers = [
            threading.Thread(
                target=lambda: answers.append(
                    client.post("/v1/segment", params={"include": include}, files={"file": data})
                )
            )
            for _ in range(12)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert {answer.status_code for answer in answers} == {200, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert answer.json()["type"] == "urn:breastseg:problem:queue-full"
            assert int(answer.headers["retry-after"]) >= 1
