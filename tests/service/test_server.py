from __future__ import annotations

import io
import itertools
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from breastseg.inference.decode import decode_image
from breastseg.inference.segmenter import Segmenter
from tests.onnx_models import make_contract, write_model
from tests.service.conftest import SERVE, environment, running_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.conftest import Server


PART_HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'


def speckle(file_format: str, shape: tuple[int, ...]) -> bytes:
    """Encode smooth noise, so that masks have ragged outlines."""
    height, width = shape[:2]
    noise = np.random.default_rng(1).normal(128, 60, (-(-height // 16), -(-width // 16)))
    image = Image.fromarray(noise.clip(0, 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.convert("RGB" if len(shape) == 3 else "L").save(file, file_format)
    return file.getvalue()


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("shape", [(301, 219), (64, 400, 3)])
def test_the_mask_is_the_offline_one_pixel_for_pixel(
    server: Server, model_path: Path, file_format: str, shape: tuple[int, ...]
) -> None:
    data = speckle(file_format, shape)
    offline = Segmenter.load(model_path).segment(decode_image(data))
    assert 0.1 < offline.mask.mean() < 0.9

    answer = server.post("/v1/segment", files={"file": data}, headers={"Accept": "image/png"})
    with Image.open(io.BytesIO(answer.content)) as mask:
        assert (np.asarray(mask) == offline.mask * 255).all()

    lesions = server.post("/v1/segment", files={"file": data}).json()["lesions"]
    assert [lesion["area_px"] for lesion in lesions] == [lesion.area_px for lesion in offline.lesions]
    assert [tuple(lesion["box"]) for lesion in lesions] == [lesion.box for lesion in offline.lesions]


def test_a_body_that_is_too_large_is_answered_and_the_server_goes_on(model_path: Path) -> None:
    with running_server(model_path, max_upload_bytes="100000") as client:
        declared = client.post("/v1/segment", files={"file": b"0" * 5_000_000})
        chunked = client.post(
            "/v1/segment",
            content=itertools.chain([PART_HEAD], itertools.repeat(b"0" * 10_000, 500)),
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
        for answer in (declared, chunked):
            assert answer.status_code == 413
            assert answer.json()["type"] == "urn:breastseg:problem:too-large"
        assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize("fault", ["missing", "no contract", "newer"])
def test_without_a_usable_model_it_refuses_to_start_in_one_line(tmp_path: Path, fault: str) -> None:
    model = tmp_path / "m.onnx"
    if fault == "no contract":
        write_model(model, contract_json=None)
    elif fault == "newer":
        write_model(model, make_contract().to_json().replace('"schema_version":4', '"schema_version":5'))
    done = subprocess.run(  # noqa: S603 - our own command
        [*SERVE, "--model", str(model)], env=environment(), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert str(model) in line
    assert {"missing": "no such model file", "no contract": "has no contract", "newer": "schema version 5"}[
        fault
    ] in line
