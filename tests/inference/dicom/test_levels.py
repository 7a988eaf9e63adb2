"""Stored samples become the levels that a display would show; all numbers here are computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from breastseg.inference.decode import decode_image
from tests.dicom_files import dicom, make_dataset, refusal, to_bytes

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)


def row(values: list[int], dtype: type) -> np.ndarray:
    return np.array([values], dtype=dtype)


def levels(values: list[int], dtype: type = np.uint8, **tags: Any) -> list[int]:  # noqa: ANN401 - of any DICOM type
    (decoded,) = decode_image(dicom(row(values, dtype), **tags))
    return [int(level) for level in decoded]


@pytest.mark.parametrize(
    ("dtype", "bits", "values", "expected"),
    [
        (np.uint8, 8, [0, 1, 200, 255], [0, 1, 200, 255]),
        (np.uint8, 4, [0, 1, 8, 15], [0, 17, 136, 255]),
        (np.int8, 8, [-128, -127, 0, 127], [0, 1, 128, 255]),
        (np.uint16, 10, [0, 512, 1023], [0, 128, 255]),
        (np.uint16, 12, [0, 16, 2048, 4095], [0, 1, 128, 255]),
        (np.int16, 12, [-2048, 0, 2047], [0, 128, 255]),
        (np.uint16, 16, [0, 257, 257 * 77, 65535], [0, 1, 77, 255]),
        (np.int16, 16, [-32768, -32768 + 257, 32767], [0, 1, 255]),
    ],
)
def test_without_a_window_the_stored_bits_are_scaled_by_their_full_range(
    dtype: type, bits: int, values: list[int], expected: list[int]
) -> None:
    assert levels(values, dtype, BitsStored=bits) == expected


def test_bits_that_do_not_count_are_cut_off() -> None:
    # 4 bits in the middle, others above and below
    assert levels([0b1010_0000_1101, 0b1111_1111_0010], np.uint16, BitsStored=4, HighBit=7) == [0, 255]
    # the sign is the highest bit that counts, whatever is above it
    assert levels([0x0800, 0xF7FF], np.uint16, BitsStored=12, PixelRepresentation=1) == [0, 255]


def test_monochrome_1_is_inverted_after_all_else() -> None:
    assert levels([0, 1, 255], PhotometricInterpretation="MONOCHROME1") == [255, 254, 0]
    window: dict[str, Any] = {"WindowCenter": 100, "WindowWidth": 11}
    assert levels([94, 95, 105], PhotometricInterpretation="MONOCHROME1", **window) == [255, 242, 0]


@pytest.mark.parametrize(
    ("centre", "width", "function", "values", "expected"),
    [
        # PS3.3, C.11.2.1.2.1: black up to 99.5 - 5, white above 99.5 + 5, ((x - 99.5) / 10 + 0.5) * 255 between
        (100, 11, None, [94, 95, 99, 104, 105], [0, 13, 115, 242, 255]),
        (100, 11, "LINEAR", [94, 95], [0, 13]),
        (128, 256, None, [0, 1, 77, 255], [0, 1, 77, 255]),
        (100, 1, None, [99, 100], [0, 255]),
        # black up to 100 - 5, white from 100 + 5, straight between
        (100, 10, "LINEAR_EXACT", [95, 97, 100, 105], [0, 51, 128, 255]),
        (100, 0.5, "LINEAR_EXACT", [99, 101], [0, 255]),
        # the logistic function of 4 (x - 100) / 10
        (100, 10, "SIGMOID", [0, 100, 105, 255], [0, 128, 225, 255]),
        (100, 1e-300, "SIGMOID", [99, 101], [0, 255]),
    ],
)
def test_windows(centre: float, width: float, function: str | None, values: list[int], expected: list[int]) -> None:
    assert levels(values, WindowCenter=centre, WindowWidth=width, VOILUTFunction=function) == expected


def test_the_first_window_counts() -> None:
    assert levels([94, 95, 105], WindowCenter=[100, 5], WindowWidth=[11, 3]) == [0, 13, 255]


def test_an_empty_window_is_none() -> None:
    assert levels([0, 77], WindowCenter="", WindowWidth="") == [0, 77]


def test_a_window_is_in_rescaled_units() -> None:
    rescale = {"RescaleSlope": 2, "RescaleIntercept": -1000}
    # 450 * 2 - 1000 = -100
    window = {"WindowCenter": -100, "WindowWidth": 10, "VOILUTFunction": "LINEAR_EXACT"}
    assert levels([447, 450, 453], np.uint16, BitsStored=12, **rescale, **window) == [0, 128, 255]


def test_a_blank_image_is_an_image() -> None:
    assert levels([7, 7, 7]) == [7, 7, 7]
    assert levels([0, 0], RescaleSlope="1e-30") == [0, 0]
    # beyond the window, which shows others
    assert levels([7, 7], WindowCenter=100, WindowWidth=10) == [0, 0]


def test_a_rescaled_range_is_scaled_whole() -> None:
    assert levels([0, 100, 255], RescaleSlope=0.5, RescaleIntercept=7) == [0, 100, 255]
    assert levels([0, 100, 255], RescaleSlope=-3, RescaleIntercept=7) == [255, 155, 0]
    assert levels([0, 100, 255], RescaleIntercept=7) == [0, 100, 255]


def table(descriptor: list[int], entries: np.ndarray, is_little_endian: bool = True) -> Dataset:  # noqa: FBT001, FBT002
    item = Dataset()
    item.add_new(0x00283002, "SS" if descriptor[1] < 0 else "US", descriptor)
    item.add_new(
        0x00283006, "OW", entries.astype(entries.dtype.newbyteorder("<" if is_little_endian else ">")).tobytes()
    )
    return item


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("is_undefined_length", [True, False])
def test_voi_look_up_table(syntax: Any, is_undefined_length: bool) -> None:  # noqa: ANN401, FBT001
    entries = np.array([0, 1000, 4095], dtype=np.uint16)
    item = table([3, 10, 12], entries, syntax.is_little_endian)
    dataset = make_dataset(row([0, 10, 11, 12, 200], np.uint8), VOILUTSequence=[item], WindowCenter=1, WindowWidth=2)
    dataset["VOILUTSequence"].is_undefined_length = is_undefined_length
    # the outer entries hold beyond the table; 1000 / 4095 * 255 = 62.3; the window counts for nothing
    assert decode_image(to_bytes(dataset, syntax)).tolist() == [[0, 0, 62, 255, 255]]


def test_voi_look_up_table_of_8_bits_in_bytes() -> None:
    item = table([3, 0, 8], np.array([9, 8, 7, 0], dtype=np.uint8))
    assert levels([0, 1, 2], VOILUTSequence=[item]) == [9, 8, 7]


def test_voi_look_up_table_of_signed_values() -> None:
    item = table([3, -1, 8], np.array([5, 6, 7], dtype=np.uint16))
    assert levels([-2, -1, 0, 1, 9], np.int8, VOILUTSequence=[item]) == [5, 5, 6, 7, 7]


def test_modality_look_up_table_comes_before_the_window() -> None:
    item = table([3, 0, 16], np.array([0, 500, 65535], dtype=np.uint16))
    assert levels([0, 1, 2, 3], ModalityLUTSequence=[item]) == [0, 2, 255, 255]
    window: dict[str, Any] = {"WindowCenter": 500, "WindowWidth": 10, "VOILUTFunction": "LINEAR_EXACT"}
    assert levels([0, 1, 2], ModalityLUTSequence=[item], **window) == [0, 128, 255]


def test_an_empty_sequence_is_none() -> None:
    assert levels([0, 77], VOILUTSequence=[], ModalityLUTSequence=[]) == [0, 77]


PALETTE: dict[str, Any] = {
    f"{colour}PaletteColorLookupTable{part}": value
    for colour, entries in {"Red": [0, 65535, 257], "Green": [0, 0, 514], "Blue": [257, 0, 771]}.items()
    for part, value in {"Descriptor": [3, 1, 16], "Data": np.array(entries, dtype="<u2").tobytes()}.items()
}


def test_a_palette_is_looked_up() -> None:
    pixels = row([0, 1, 2, 3, 9], np.uint8)
    decoded = decode_image(dicom(pixels, PhotometricInterpretation="PALETTE COLOR", **PALETTE))
    assert decoded.tolist() == [[[0, 0, 1], [0, 0, 1], [255, 0, 0], [1, 2, 3], [1, 2, 3]]]


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"WindowCenter": 5}, "only one of Window Center (0028,1050) and Window Width (0028,1051)"),
        ({"WindowWidth": 5}, "only one of"),
        ({"WindowCenter": 5, "WindowWidth": 0}, "Window Width (0028,1051) is too small"),
        ({"WindowCenter": 5, "WindowWidth": 0.5}, "Window Width (0028,1051) is too small"),
        ({"WindowCenter": 5, "WindowWidth": -3, "VOILUTFunction": "SIGMOID"}, "is too small"),
        ({"WindowCenter": 5, "WindowWidth": 5, "VOILUTFunction": "OTHER"}, "unknown VOI LUT Function (0028,1056)"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "Rescale Slope (0028,1053) is 0"),
        ({"RescaleSlope": "1e-30", "RescaleIntercept": 1}, "(0028,1053) is 0, or too small beside Rescale Intercept"),
        ({"RescaleSlope": "1e-30", "WindowCenter": 128, "WindowWidth": 256}, "shows all that a sample can be as one"),
        ({"WindowCenter": 9000, "WindowWidth": 10}, "shows all that a sample can be as one level"),
        ({"ModalityLUTSequence": [table([1, 0, 8], np.zeros(1, np.uint16))]}, "shows all that a sample can be as one"),
        ({"RescaleSlope": "1e300"}, "Rescale Slope (0028,1053) is no number"),
        ({"VOILUTSequence": [table([4, 0, 12], np.zeros(3, np.uint16))]}, "LUT Data (0028,3006) does not fit"),
        ({"VOILUTSequence": [table([3, 0, 17], np.zeros(3, np.uint16))]}, "LUT Data (0028,3006) does not fit"),
        ({"ModalityLUTSequence": [Dataset()]}, "without LUT Descriptor (0028,3002)"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "without Red Palette Color Lookup Table Descriptor"),
        ({"SharedFunctionalGroupsSequence": [Dataset()]}, "functional groups"),
    ],
)
def test_what_cannot_be_shown_is_refused(tags: dict[str, Any], words: str) -> None:
    assert words in refusal(dicom(row([1, 2], np.uint8), **tags))


@pytest.mark.parametrize("text", ["nan", "inf", "five", "--1", "1e16"])
def test_numbers_that_are_none(text: str) -> None:
    dataset = make_dataset(row([1, 2], np.uint8), RescaleSlope=1.5, RescaleIntercept=0)
    data = to_bytes(dataset).replace(b"1.5 ", text.ljust(4).encode())
    assert "Rescale Slope (0028,1053) is no number" in refusal(data)
