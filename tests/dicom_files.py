"""DICOM files for tests, written by pydicom itself, all of a patient whose name and number must never be told."""

from __future__ import annotations

import io
import traceback
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from breastseg.inference.decode import decode_image
from breastseg.inference.raster import MAX_PIXELS, DecodeError

PATIENT, NUMBER = "Doe^Jane", "NUMBERS-QX4711"
LATIN_1 = "ISO_IR 100"


def make_dataset(pixels: npt.NDArray[Any], **tags: Any) -> Dataset:  # noqa: ANN401 - of any type of DICOM's
    """Describe grey `[H, W]` or RGB `[H, W, 3]`, uint8 or uint16 or signed; a tag of None is left out."""
    bits = pixels.dtype.itemsize * 8
    is_grey = pixels.ndim == 2
    all_tags = {
        "SpecificCharacterSet": LATIN_1,
        "SOPClassUID": SecondaryCaptureImageStorage,
        "SOPInstanceUID": "1.2.3",
        "PatientName": PATIENT,
        "PatientID": NUMBER,
        "SamplesPerPixel": 1 if is_grey else 3,
        "PhotometricInterpretation": "MONOCHROME2" if is_grey else "RGB",
        "PlanarConfiguration": None if is_grey else 0,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": (tags.get("BitsStored") or bits) - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelData": pixels.tobytes(),
        **tags,
    }
    dataset = Dataset()
    for name, value in all_tags.items():
        if value is not None:
            setattr(dataset, name, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    return dataset


def to_bytes(dataset: Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """Write a file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def dicom(pixels: npt.NDArray[Any], syntax: UID = ExplicitVRLittleEndian, **tags: Any) -> bytes:  # noqa: ANN401
    """Write pixels, as `make_dataset` takes them, as an uncompressed file."""
    if not syntax.is_little_endian:
        pixels = pixels.astype(pixels.dtype.newbyteorder(">"))
    return to_bytes(make_dataset(pixels, **tags), syntax)


def rle(pixels: npt.NDArray[Any], **tags: Any) -> bytes:  # noqa: ANN401
    """Write pixels, as `make_dataset` takes them, with pydicom's run-length encoder."""
    dataset = make_dataset(pixels, **tags)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.compress(RLELossless, generate_instance_uid=False)
    return to_bytes(dataset, RLELossless)


def encapsulated(frames: list[bytes], pixels: npt.NDArray[Any], syntax: UID = JPEGBaseline8Bit, **tags: Any) -> bytes:  # noqa: ANN401
    """Write compressed frames of images like `pixels`."""
    dataset = make_dataset(pixels, **tags)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].is_undefined_length = True
    return to_bytes(dataset, syntax)


def refusal(data: bytes, frame: int | None = None, max_pixels: int = MAX_PIXELS) -> str:
    """Return the words with which a file is refused, which say nothing about the patient, with trace or without."""
    with pytest.raises(DecodeError) as refused:
        decode_image(data, max_pixels=max_pixels, frame=frame)
    assert_no_patient("".join(traceback.format_exception(refused.value)))
    return str(refused.value)


def assert_no_patient(text: str) -> None:
    """Fail if a text holds anything about the patient."""
    for secret in (PATIENT, NUMBER, *PATIENT.split("^"), NUMBER.rsplit("-", maxsplit=1)[-1]):
        assert secret not in text


def speckle(shape: tuple[int, ...], most: int = 256, dtype: type = np.uint8) -> npt.NDArray[Any]:
    """Return the same noise each time, with runs in it."""
    noise = np.random.default_rng(3).integers(0, most, shape)
    noise[: shape[0] // 2] = noise[0, 0]
    return noise.astype(dtype)
