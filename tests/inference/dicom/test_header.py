"""A header that is incomplete, impossible or not read is refused with the element in question."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from breastseg.inference.decode import decode_image
from breastseg.inference.raster import TooManyPixelsError
from tests.dicom_files import dicom, make_dataset, refusal, speckle, to_bytes

GREY, RGB = speckle((4, 6)), speckle((4, 6, 3))


@pytest.mark.parametrize(
    "tag",
    [
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PlanarConfiguration",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
    ],
)
def test_a_missing_element_is_named(tag: str) -> None:
    dataset = make_dataset(RGB)
    element = dataset[tag]
    del dataset[tag]
    group_and_element = f"({element.tag.group:04X},{element.tag.element:04X})"
    assert (
        refusal(to_bytes(dataset))
        == f"is a DICOM file without {element.name} {group_and_element}, or cut off before it"
    )


@pytest.mark.parametrize(
    ("pixels", "tags", "words"),
    [
        (GREY, {"Rows": 0}, "6 x 0 pixels"),
        (GREY, {"Columns": 0}, "0 x 4 pixels"),
        (GREY, {"Rows": [4, 4]}, "Rows (0028,0010) has a wrong length"),
        (GREY, {"Rows": []}, "Rows (0028,0010) has a wrong length"),
        (GREY, {"SamplesPerPixel": 3}, "3 samples a pixel, which does not fit MONOCHROME2"),
        (RGB, {"SamplesPerPixel": 1}, "1 samples a pixel, which does not fit RGB"),
        (GREY, {"BitsAllocated": 32}, "32 bits a sample"),
        (GREY, {"BitsAllocated": 1, "BitsStored": 1}, "1 bits a sample"),
        (GREY, {"BitsStored": 0, "HighBit": 7}, "0 bits up to bit 7 in 8"),
        (GREY, {"BitsStored": 12}, "12 bits up to bit 11 in 8"),
        (GREY, {"HighBit": 6}, "8 bits up to bit 6 in 8"),
        (GREY, {"PixelRepresentation": 2}, "Pixel Representation (0028,0103) is 2"),
        (RGB, {"PlanarConfiguration": 2}, "Planar Configuration (0028,0006) is 2"),
        (RGB, {"PixelRepresentation": 1}, "signed colours"),
        (RGB, {"PhotometricInterpretation": "YBR_FULL", "BitsStored": 7}, "YBR_FULL of 7 of 8 bits"),
        (RGB, {"PhotometricInterpretation": "YBR_FULL_422", "PlanarConfiguration": 1}, "in planes"),
        (RGB[:, :5], {"PhotometricInterpretation": "YBR_FULL_422"}, "odd width"),
        (RGB, {"PhotometricInterpretation": "YBR_ICT"}, "in YBR_ICT; MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB"),
        (GREY, {"PhotometricInterpretation": "DOE JANE"}, "unknown Photometric Interpretation (0028,0004)"),
        (GREY, {"PhotometricInterpretation": ""}, "unknown Photometric Interpretation (0028,0004)"),
        (GREY, {"NumberOfFrames": 0}, "Number of Frames (0028,0008) is no number of frames"),
        (GREY, {"NumberOfFrames": -1}, "Number of Frames (0028,0008) is no number of frames"),
        (GREY, {"PixelData": None}, "without pixels, such as a structured report"),
        (GREY, {"PixelData": None, "FloatPixelData": bytes(96)}, "floating-point pixels"),
        (GREY, {"PixelData": GREY.tobytes()[:-2]}, "22 bytes of pixels, where its header speaks of 24"),
        (GREY, {"PixelData": GREY.tobytes() + b"\0\1"}, "26 bytes of pixels, where its header speaks of 24"),
        (GREY, {"Rows": 3}, "24 bytes of pixels, where its header speaks of 18"),
        (GREY, {"Rows": 5}, "24 bytes of pixels, where its header speaks of 30"),
        (GREY, {"Columns": 7}, "24 bytes of pixels, where its header speaks of 28"),
    ],
)
def test_what_cannot_be_is_refused(pixels: np.ndarray, tags: dict[str, Any], words: str) -> None:
    assert words in refusal(dicom(pixels, **tags))


def test_a_pad_byte_is_no_pixel() -> None:
    odd = speckle((3, 5))
    np.testing.assert_array_equal(decode_image(dicom(odd, PixelData=odd.tobytes() + b"\0")), odd)


def test_no_frames_told_is_one_frame() -> None:
    np.testing.assert_array_equal(decode_image(dicom(GREY, NumberOfFrames="")), GREY)


def test_too_many_pixels_are_told_from_the_header() -> None:
    with pytest.raises(TooManyPixelsError, match="has 6 x 4 pixels, more than 23"):
        decode_image(dicom(GREY), max_pixels=23)
    assert decode_image(dicom(GREY), max_pixels=24).shape == (4, 6)
    with pytest.raises(TooManyPixelsError, match="has 65535 x 65535 pixels, more than 50,000,000"):
        decode_image(dicom(GREY, Rows=65535, Columns=65535))


def test_a_structured_report_has_no_pixels() -> None:
    dataset = make_dataset(GREY, PixelData=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR")
    for tag in ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"):
        del dataset[tag]
    assert refusal(to_bytes(dataset)).startswith("is a DICOM file without pixels, such as a structured report")
