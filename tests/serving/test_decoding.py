"""What a posted file's form means for the answer: DICOM gives what PNG gives, and masks lie as pixels are stored."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.dicom_files import assert_no_patient, dicom, rle
from tests.onnx_models import bright_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.testclient import TestClient

IMAGE = bright_image(90, 120, (30, 20, 80, 60))


def answer(client: TestClient, data: bytes) -> dict[str, Any]:
    response = client.post("/v1/segment?include=mask", files={"file": data})
    assert response.status_code == 200
    assert_no_patient(response.text)
    body: dict[str, Any] = response.json()
    # what differs from request to request
    del body["request_id"], body["timings_ms"]
    return body


@pytest.mark.parametrize("write", [dicom, rle])
def test_dicom_gives_what_png_gives(client: TestClient, image_png: bytes, write: Callable[..., bytes]) -> None:
    told = answer(client, write(IMAGE))
    assert len(told["lesions"]) == 1
    assert told == answer(client, image_png)
    assert told == answer(client, write(255 - IMAGE, PhotometricInterpretation="MONOCHROME1"))


@pytest.mark.parametrize(
    ("tags", "kind", "words"),
    [
        ({"Rows": 40_000}, "too-many-pixels", "The file has 120 x 40000 pixels, more than 10,800"),
        ({"Rows": 80}, "unreadable-image", "The file is a DICOM file of 10,800 bytes of pixels"),
        ({"PixelData": None}, "unreadable-image", "The file is a DICOM file without pixels"),
        ({"BitsStored": None}, "unreadable-image", "without Bits Stored"),
    ],
)
def test_dicom_that_cannot_be_read_is_told_without_the_patient(
    client: TestClient, caplog: pytest.LogCaptureFixture, tags: dict[str, Any], kind: str, words: str
) -> None:
    caplog.set_level(logging.DEBUG)
    response = client.post("/v1/segment", files={"file": dicom(IMAGE, **tags)})
    assert response.status_code == {"too-many-pixels": 413, "unreadable-image": 422}[kind]
    assert response.json()["type"] == f"urn:breastseg:problem:{kind}"
    assert words in response.json()["detail"]
    assert_no_patient(response.text + caplog.text)


def test_a_mask_lies_as_the_pixels_are_stored_whatever_a_viewer_would_turn(client: TestClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be viewed turned by 90 degrees
    file = io.BytesIO()
    Image.fromarray(IMAGE).save(file, "JPEG", quality=95, exif=exif)
    response = client.post("/v1/segment", files={"file": file.getvalue()}, headers={"Accept": "image/png"})
    with Image.open(io.BytesIO(response.content)) as mask:
        assert mask.size == (120, 90)
        rows, columns = np.nonzero(np.asarray(mask))
    assert (rows.mean().round(), columns.mean().round()) == (40, 55)
    assert answer(client, file.getvalue())["image"] == {"width": 120, "height": 90}


def test_a_frame_of_several_is_asked_for_by_its_number(client: TestClient) -> None:
    frames = np.stack([np.full_like(IMAGE, 30), IMAGE])
    data = dicom(IMAGE, NumberOfFrames=2, PixelData=frames.tobytes())
    refused = client.post("/v1/segment", files={"file": data})
    assert refused.status_code == 422
    assert "frame" in refused.json()["detail"]
    lesions = [
        len(client.post("/v1/segment", params={"frame": frame}, files={"file": data}).json()["lesions"])
        for frame in (1, 2)
    ]
    assert lesions == [0, 1]
    assert client.post("/v1/segment?frame=3", files={"file": data}).status_code == 422
