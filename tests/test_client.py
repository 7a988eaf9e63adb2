"""The client against a real server: the same answers as offline, and every problem as an exception."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.serving.process import free_port
from breastseg.client import Client, ServiceError, _pause_s, remote_answerer
from breastseg.errors import BreastsegError
from breastseg.inference.decode import decode_image
from breastseg.inference.mask_png import encode_mask
from breastseg.inference.overlay import encode_overlay
from breastseg.inference.report import ModelReport
from breastseg.inference.segmenter import Segmenter
from breastseg.serving.schemas import ModelAnswer
from tests.dicom_files import dicom
from tests.onnx_models import FAILED_GATE, bright_image, make_contract, write_model
from tests.service.conftest import environment, running_server
from tests.service.test_server import speckle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from breastseg.inference.raster import UInt8Image

pytestmark = pytest.mark.integration

IMAGE = speckle("PNG", (120, 90))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "m.onnx")


@pytest.fixture(scope="module")
def url(model: Path) -> Iterator[str]:
    with running_server(model, max_pixels="20000") as server:
        yield str(server.base_url)


def two_frames() -> tuple[bytes, UInt8Image]:
    """A DICOM file, and its frames."""
    frames = np.stack([bright_image(90, 120, box) for box in ((10, 10, 50, 50), (60, 20, 110, 80))])
    return dicom(frames[0], NumberOfFrames=2, PixelData=frames.tobytes()), frames


def test_answers_are_those_of_the_model(url: str, model: Path) -> None:
    expected = Segmenter.load(model).segment(decode_image(IMAGE))
    with Client(url) as client:
        answer = client.segment(IMAGE, include=["mask", "overlay"])
        assert client.mask(IMAGE) == encode_mask(expected.mask)
        assert client.model().contract == make_contract()
    assert [lesion.box for lesion in answer.lesions] == [lesion.box for lesion in expected.lesions]
    assert base64.b64decode(answer.mask or "") == encode_mask(expected.mask)
    assert answer.overlay
    assert answer.probability is None


def test_problems_come_as_exceptions_with_their_type(url: str) -> None:
    with Client(url) as client, pytest.raises(ServiceError, match="no PNG") as raised:
        client.segment(b"hello")
    assert raised.value.problem.type == "urn:breastseg:problem:unreadable-image"


def test_the_mask_of_a_frame_is_that_of_its_pixels(url: str, model: Path) -> None:
    data, frames = two_frames()
    expected = encode_mask(Segmenter.load(model).segment(frames[1]).mask)
    with Client(url) as client:
        assert client.mask(data, frame=2) == expected
        with pytest.raises(ServiceError, match="ask for one of them by frame"):
            client.mask(data)


def test_a_batch_gives_an_answer_or_a_problem_for_each_file_in_order(url: str) -> None:
    several, _ = two_frames()
    with Client(url) as client:
        alone = client.segment(IMAGE, include=["mask"])
        found, damaged, of_frames, again = client.segment_batch([IMAGE, b"hello", several, IMAGE], include=["mask"])
    assert [entry.index for entry in (found, damaged, of_frames, again)] == [0, 1, 2, 3]
    for entry in (found, again):
        assert entry.answer
        assert (entry.answer.lesions, entry.answer.mask) == (alone.lesions, alone.mask)
    assert damaged.problem
    assert damaged.problem.type == "urn:breastseg:problem:unreadable-image"
    assert of_frames.problem
    # what it says can be done
    assert "post the file alone to /v1/segment, with frame=" in of_frames.problem.detail


def test_a_batch_of_too_many_files_is_one_problem_and_of_none_no_request(url: str) -> None:
    with Client(url) as client:
        with pytest.raises(ServiceError, match="at most 32 files"):
            client.segment_batch([IMAGE] * 33)
        assert client.segment_batch([]) == []


def test_nobody_there_is_one_clear_error() -> None:
    with (
        Client(f"http://127.0.0.1:{free_port()}") as client,
        pytest.raises(BreastsegError, match="Is the service running"),
    ):
        client.model()


class BusyThenStrange(BaseHTTPRequestHandler):
    """Is busy twice, then answers with what this service never says."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        busy = self.asked <= 2
        self.send_response(503 if busy else 200)
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(b'{"hello": "world"}')

    def log_message(self, *_: object) -> None:
        pass


def test_it_asks_again_while_the_service_is_busy_and_tells_a_stranger() -> None:
    with HTTPServer(("127.0.0.1", 0), BusyThenStrange) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with (
            Client(f"http://127.0.0.1:{server.server_port}") as client,
            pytest.raises(BreastsegError, match="something else"),
        ):
            client.model()
        server.shutdown()
    assert BusyThenStrange.asked == 3


def test_predict_through_a_service_writes_what_predict_without_one_writes(
    url: str, model: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.png").write_bytes(IMAGE)
    (images / "b.jpg").write_bytes(speckle("JPEG", (60, 150, 3)))
    for out, source in (("near", ["--model", str(model)]), ("far", ["--url", url])):
        _predict(images, tmp_path / out, *source, "--overlay")
    for name in ("a.png", "a_overlay.png", "b.png", "b_overlay.png", "lesions.csv", "predictions.jsonl"):
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "near" / name).read_bytes()
    assert len((tmp_path / "far/predictions.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_predict_knows_how_the_services_model_did_at_its_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    contract = make_contract(gate=FAILED_GATE)
    described = ModelAnswer(**dict(ModelReport.of(contract)), contract=contract)
    monkeypatch.setattr(Client, "model", lambda _: described)
    with Client("http://127.0.0.1") as client:
        assert remote_answerer(client).model.gate == FAILED_GATE


@pytest.mark.extended
def test_predict_takes_the_frame_that_is_asked_for_through_a_service_or_not(
    url: str, model: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    data, frames = two_frames()
    (images / "a.dcm").write_bytes(data)
    found = Segmenter.load(model).segment(frames[1])
    for out, source in (("near", ["--model", str(model)]), ("far", ["--url", url])):
        _predict(images, tmp_path / out, *source, "--frame", "2", "--overlay")
        assert (tmp_path / out / "a.png").read_bytes() == encode_mask(found.mask)
        assert (tmp_path / out / "a_overlay.png").read_bytes() == encode_overlay(frames[1], found.lesions)
        assert "is a DICOM file of 2 frames" in _predict(images, tmp_path / "none", *source, status=1)


def test_images_that_the_service_cannot_read_are_listed_and_the_others_written(url: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(IMAGE)
    (tmp_path / "bad.png").write_bytes(b"hello")
    (tmp_path / "large.png").write_bytes(speckle("PNG", (300, 300)))
    done = _predict(tmp_path, tmp_path / "out", "--url", url, status=1)
    assert "bad.png: is no PNG" in done
    assert "large.png: has 300 x 300 pixels" in done
    lines = (tmp_path / "out/predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line).get("mask") for line in lines] == ["a.png", None, None]


def _predict(images: Path, out: Path, *source: str, status: int = 0) -> str:
    command = [sys.executable, "-m", "breastseg.cli", "predict", str(images), "--out", str(out), *source]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == status, done.stderr
    return done.stderr


@pytest.mark.parametrize("key", ["0123456789abcdef\nx", "schlüssel-0123456789", "with blank 0123456789"])
def test_what_cannot_be_a_key_is_told_without_it(key: str) -> None:
    with pytest.raises(BreastsegError, match="visible ASCII") as raised:
        Client("http://127.0.0.1:1", key)
    assert key not in str(raised.value)


@pytest.mark.parametrize("url", ["http://[::1", "http://a:port", "::::"])
def test_what_cannot_be_an_address_is_told(url: str) -> None:
    with pytest.raises(BreastsegError) as raised:
        Client(url)
    assert str(raised.value).startswith(f"{url} is no address (")


def test_predict_tells_an_impossible_address_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(IMAGE)
    (line,) = _predict(tmp_path, tmp_path / "out", "--url", "http://[::1", status=1).splitlines()
    assert "is no address" in line


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("7", 7, 7), ("", 1, 1), ("soon", 1, 1), ("-3", 1, 1), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0)],
)
def test_how_long_to_wait_may_be_told_in_both_forms(header: str, least: float, most: float) -> None:
    assert least <= _pause_s(header) <= most


def test_a_date_ahead_is_waited_for() -> None:
    before = datetime.now(UTC)
    ahead = (before + timedelta(hours=1)).replace(microsecond=0)
    pause = timedelta(seconds=_pause_s(format_datetime(ahead, usegmt=True)))
    assert ahead - datetime.now(UTC) <= pause <= ahead - before


@pytest.mark.extended
def test_a_file_above_the_cap_is_told_beside_the_others(model: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for name, data in (("a.png", IMAGE), ("b.png", b"0" * 200_000), ("c.png", IMAGE)):
        (images / name).write_bytes(data)
    with running_server(model, max_upload_bytes="100000") as server:
        command = ["predict", str(images), "--url", str(server.base_url), "--out", str(tmp_path / "out")]
        ended = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-m", "breastseg.cli", *command],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert "b.png" in ended.stderr
    assert "100000 bytes" in ended.stderr
    assert {file.name for file in (tmp_path / "out").glob("*.png")} == {"a.png", "c.png"}
