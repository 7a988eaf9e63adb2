"""Every file of a hostile corpus gets the offline mask or a refusal that says how to fix it."""

from __future__ import annotations

import base64
import io
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from breastseg.serving.settings import Settings
from tests.hostile_files import GREY, encode, hostile_files, tiff_of_tall_tiles
from tests.service.conftest import running_server
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.conftest import Server

# pydicom and Pillow warn of what they find here, in this process too
pytestmark = [pytest.mark.extended, pytest.mark.filterwarnings("ignore::UserWarning")]

FEWEST = 200


@pytest.fixture(scope="module")
def segmenter(model_path: Path) -> Segmenter:
    return Segmenter.load(model_path)


def fault_of(server: Server, segmenter: Segmenter, data: bytes) -> str | None:
    """Return what is wrong with the response to a file: neither a refusal with a fix nor the offline mask."""
    response = server.post("/v1/segment", files={"file": data}, params={"include": "mask"})
    if response.status_code in {413, 422}:
        problem = response.json()
        return None if problem["status"] == response.status_code and problem["detail"] else "no problem details"
    if response.status_code != 200:
        return f"{response.status_code}: {response.text[:200]}"
    offline = segmenter.segment(decode_image(data, max_pixels=Settings.model_fields["max_pixels"].default))
    with Image.open(io.BytesIO(base64.b64decode(response.json()["mask"]))) as mask:
        return None if np.array_equal(np.asarray(mask), offline.mask * 255) else "not the offline mask"


def test_a_hostile_file_is_refused_or_segmented_correctly(server: Server, segmenter: Segmenter) -> None:
    corpus = dict(hostile_files())
    assert len(corpus) >= FEWEST
    faults = {name: fault_of(server, segmenter, data) for name, data in corpus.items()}
    assert {name: fault for name, fault in faults.items() if fault} == {}
    assert server.get("/health/ready").status_code == 200


def in_work(server: Server) -> int:
    (line,) = [line for line in server.get("/metrics").text.splitlines() if line.startswith("breastseg_images_in_work")]
    return int(float(line.split()[1]))


def post(server: Server, data: bytes) -> int:
    return server.post("/v1/segment", files={"file": data}).status_code


def test_files_that_take_for_ever_free_their_places_when_their_time_is_over(model_path: Path) -> None:
    endless = tiff_of_tall_tiles(2**22)
    with running_server(model_path, concurrency="3", inference_timeout_s="5") as server, ThreadPoolExecutor() as pool:
        assert list(pool.map(post, [server] * 3, [endless] * 3)) == [504] * 3
        wait_until(lambda: in_work(server) == 0)
        assert post(server, encode(GREY)) == post(server, encode(GREY, "TIFF")) == 200


def test_files_that_take_for_ever_do_not_outlive_the_service(model_path: Path) -> None:
    endless = tiff_of_tall_tiles(2**22)
    # that it ends, with status 0, is seen where it is left
    with running_server(model_path, shutdown_grace_s="1") as server, ThreadPoolExecutor() as pool:
        asked = [pool.submit(post, server, endless) for _ in range(3)]
        wait_until(lambda: in_work(server) == 3)
        server.process.send_signal(signal.SIGTERM)
        assert [one.result() for one in asked] == [500] * 3
