"""Every file of a hostile corpus is sent to a running server, whose processor time and memory are watched."""

from __future__ import annotations

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from PIL import Image

from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from breastseg.serving.settings import Settings
from tests.hostile_files import hostile_files
from tests.service.conftest import Server, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

# pydicom and Pillow warn of what they find here, in this process too
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

FEWEST = 200
MOST_SECONDS = 2.0
MOST_BYTES = 1_000_000_000


@pytest.fixture(scope="module")
def server(model_path: Path) -> Iterator[Server]:
    with running_server(model_path, threads="1") as server:
        yield server


@pytest.fixture(scope="module")
def segmenter(model_path: Path) -> Segmenter:
    return Segmenter.load(model_path)


def processor_seconds(server: Server) -> float:
    """What the server has computed so far: other work on the machine does not count."""
    times = psutil.Process(server.process.pid).cpu_times()
    return times.user + times.system


def peak_bytes(server: Server) -> int:
    """The most memory that the server has ever held."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def fault_of(server: Server, segmenter: Segmenter, data: bytes) -> str | None:
    """Return what is wrong with the answer to a file: neither a refusal with a way out nor the offline mask."""
    before = processor_seconds(server)
    answer = server.post("/v1/segment", files={"file": data}, params={"include": "mask"})
    seconds = processor_seconds(server) - before
    if seconds > MOST_SECONDS:
        return f"took {seconds:.1f} s of processor time"
    if answer.status_code in {413, 422}:
        problem = answer.json()
        return None if problem["status"] == answer.status_code and problem["detail"] else "no problem details"
    if answer.status_code != 200:
        return f"{answer.status_code}: {answer.text[:200]}"
    offline = segmenter.segment(decode_image(data, max_pixels=Settings.model_fields["max_pixels"].default))
    with Image.open(io.BytesIO(base64.b64decode(answer.json()["mask"]))) as mask:
        return None if np.array_equal(np.asarray(mask), offline.mask * 255) else "not the offline mask"


def test_a_hostile_file_is_refused_or_answered_rightly_and_soon(server: Server, segmenter: Segmenter) -> None:
    corpus = dict(hostile_files())
    assert len(corpus) >= FEWEST
    faults = {name: fault_of(server, segmenter, data) for name, data in corpus.items()}
    assert {name: fault for name, fault in faults.items() if fault} == {}
    assert server.get("/health/ready").status_code == 200


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc")
def test_no_hostile_file_makes_the_server_swell(server: Server) -> None:
    for name, data in hostile_files():
        server.post("/v1/segment", files={"file": data}, params={"include": "mask,probability,overlay"})
        assert peak_bytes(server) < MOST_BYTES, name


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc")
def test_the_largest_images_at_once_do_not_make_the_server_swell(model_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8)[:, None, None], (20, 4000, 4))).save(file, "PNG")
    with running_server(model_path, concurrency="3") as server, ThreadPoolExecutor(6) as clients:
        asked = [
            clients.submit(server.post, "/v1/segment?include=mask,probability,overlay", files={"file": file.getvalue()})
            for _ in range(6)
        ]
        assert {answer.result().status_code for answer in asked} == {200}
        assert peak_bytes(server) < MOST_BYTES
