"""The stored samples come out of every way of packing them that is read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
)

from breastseg.inference.decode import decode_image
from breastseg.inference.raster import DecodeError
from tests.dicom_files import dicom, encapsulated, make_dataset, refusal, rle, speckle, to_bytes

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)
GREY, RGB, WORDS = speckle((5, 7)), speckle((5, 7, 3)), speckle((5, 7), 65536, np.uint16)
FULL_RANGE = np.rint(WORDS / 65535 * 255)
SMOOTH = np.add.outer(np.arange(64), np.arange(80)).astype(np.uint8)
SMOOTH_RGB = np.stack([SMOOTH, SMOOTH[::-1], SMOOTH[:, ::-1]], axis=2)


def jpeg(pixels: np.ndarray, **options: Any) -> bytes:  # noqa: ANN401 - as Pillow types them
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def from_jpeg(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (GREY, GREY),
        (WORDS, FULL_RANGE),
        (WORDS.view(np.int16), np.rint((WORDS.view(np.int16) + 32768.0) / 257)),
        (RGB, RGB),
    ],
)
def test_uncompressed_samples(syntax: UID, pixels: np.ndarray, expected: np.ndarray) -> None:
    decoded = decode_image(dicom(pixels, syntax))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, expected)


def test_big_endian_bytes_in_words_are_swapped_back() -> None:
    # PS3.5, A.3 and D: the first byte of a 16-bit word is its lower one
    swapped = np.append(GREY.ravel(), 0).astype(np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    dataset = make_dataset(GREY, PixelData=swapped)
    dataset["PixelData"].VR = "OW"
    np.testing.assert_array_equal(decode_image(to_bytes(dataset, ExplicitVRBigEndian)), GREY)


def test_colour_in_planes() -> None:
    planes = np.ascontiguousarray(RGB.transpose(2, 0, 1)).tobytes()
    np.testing.assert_array_equal(decode_image(dicom(RGB, PlanarConfiguration=1, PixelData=planes)), RGB)


def test_colour_of_16_bits_is_scaled() -> None:
    words = speckle((5, 7, 3), 65536, np.uint16)
    np.testing.assert_array_equal(decode_image(dicom(words)), np.rint(words / 257))


def test_three_equal_channels_are_grey() -> None:
    np.testing.assert_array_equal(decode_image(dicom(np.stack([GREY] * 3, axis=2))), GREY)


def to_rgb(ybr: np.ndarray) -> np.ndarray:
    """PS3.3, C.7.6.3.1.2, solved for red, green and blue."""
    y, cb, cr = ybr[..., 0].astype(float), ybr[..., 1] - 128.0, ybr[..., 2] - 128.0
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    return np.asarray(np.rint(rgb.clip(0, 255)))


@pytest.mark.parametrize("write", [dicom, rle])
def test_ybr_full(write: Any) -> None:  # noqa: ANN401
    decoded = decode_image(write(RGB, PhotometricInterpretation="YBR_FULL"))
    np.testing.assert_allclose(decoded, to_rgb(RGB), atol=1)


def test_ybr_full_in_planes() -> None:
    planes = np.ascontiguousarray(RGB.transpose(2, 0, 1)).tobytes()
    data = dicom(RGB, PhotometricInterpretation="YBR_FULL", PlanarConfiguration=1, PixelData=planes)
    np.testing.assert_allclose(decode_image(data), to_rgb(RGB), atol=1)


def test_ybr_full_422_shares_colour_between_two_neighbours() -> None:
    stored = speckle((4, 3, 4))
    shared = np.empty((4, 6, 3), np.uint8)
    shared[:, ::2], shared[:, 1::2] = stored[..., [0, 2, 3]], stored[..., [1, 2, 3]]
    data = dicom(shared, PhotometricInterpretation="YBR_FULL_422", PixelData=stored.tobytes())
    np.testing.assert_allclose(decode_image(data), to_rgb(shared), atol=1)


def test_ybr_without_colour_is_grey() -> None:
    ybr = np.dstack([GREY, np.full_like(GREY, 128), np.full_like(GREY, 128)])
    np.testing.assert_array_equal(decode_image(dicom(ybr, PhotometricInterpretation="YBR_FULL")), GREY)


@pytest.mark.parametrize(("pixels", "expected"), [(GREY, GREY), (WORDS, FULL_RANGE), (RGB, RGB)])
def test_run_lengths(pixels: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_image(rle(pixels)), expected)


def test_a_run_may_go_on_in_the_next_row() -> None:
    # 128 times 9, then 7 times 3, and one byte that is no run
    segment = bytes([0x81, 9, 0xFA, 3, 0x80, 0, 5])
    header = np.array([1, 64, *[0] * 14], dtype="<u4").tobytes()
    decoded = decode_image(encapsulated([header + segment + b"\0"], np.zeros((8, 17), np.uint8), RLELossless))
    np.testing.assert_array_equal(decoded.ravel(), [9] * 128 + [3] * 7 + [5])


def test_jpeg_of_grey() -> None:
    data = jpeg(SMOOTH)
    decoded = decode_image(encapsulated([data], SMOOTH))
    np.testing.assert_array_equal(decoded, from_jpeg(data))
    assert np.abs(decoded.astype(int) - SMOOTH).max() < 8
    inverted = decode_image(encapsulated([data], SMOOTH, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(inverted, 255 - decoded)


def test_jpeg_extended_of_8_bits() -> None:
    data = jpeg(SMOOTH)
    np.testing.assert_array_equal(decode_image(encapsulated([data], SMOOTH, JPEGExtended12Bit)), from_jpeg(data))
    words = SMOOTH.astype(np.uint16)
    assert "JPEGs of 12 bits" in refusal(encapsulated([data], words, JPEGExtended12Bit, BitsStored=12))


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_FULL", "RGB"])
def test_jpeg_of_colour(photometric: str) -> None:
    data = jpeg(SMOOTH_RGB)  # says of itself that it is YCbCr
    decoded = decode_image(encapsulated([data], SMOOTH_RGB, PhotometricInterpretation=photometric))
    np.testing.assert_array_equal(decoded, from_jpeg(data))
    assert np.abs(decoded.astype(int) - SMOOTH_RGB).mean() < 5


def without_words_on_colours(data: bytes) -> bytes:
    """Take markers and letters from a JPEG that say that its components are red, green and blue."""
    place = data.index(b"\xff\xee")
    data = data[:place] + data[place + 2 + int.from_bytes(data[place + 2 : place + 4]) :]
    for marker, ids, step in ((b"\xff\xc0", 10, 3), (b"\xff\xda", 5, 2)):
        start = data.index(marker) + ids
        changed = bytearray(data)
        changed[start : start + 3 * step : step] = b"\1\2\3"
        data = bytes(changed)
    return data


@pytest.mark.parametrize("is_plain", [False, True])
def test_jpeg_of_red_green_and_blue(is_plain: bool) -> None:  # noqa: FBT001
    marked = jpeg(SMOOTH_RGB, keep_rgb=True)
    data = without_words_on_colours(marked) if is_plain else marked
    assert is_plain == (from_jpeg(data) != from_jpeg(marked)).any()
    np.testing.assert_array_equal(decode_image(encapsulated([data], SMOOTH_RGB)), from_jpeg(marked))


FRAMES = np.stack([GREY, 255 - GREY, GREY // 2])
JPEG_FRAMES = [jpeg(SMOOTH), jpeg(SMOOTH[::-1]), jpeg(SMOOTH // 2)]


@pytest.mark.parametrize(
    ("data", "frames"),
    [
        (dicom(GREY, NumberOfFrames=3, PixelData=FRAMES.tobytes() + b"\0"), FRAMES),
        (rle(GREY, NumberOfFrames=3, PixelData=FRAMES.tobytes()), FRAMES),
        (encapsulated(JPEG_FRAMES, SMOOTH, NumberOfFrames=3), [from_jpeg(data) for data in JPEG_FRAMES]),
    ],
)
def test_one_frame_of_several_is_asked_for(data: bytes, frames: list[np.ndarray]) -> None:
    for number, expected in enumerate(frames, start=1):
        np.testing.assert_array_equal(decode_image(data, frame=number), expected)
    assert refusal(data) == "is a DICOM file of 3 frames; ask for one of them by frame, 1 to 3"
    for number in (-1, 0, 4):
        assert refusal(data, frame=number) == f"is a DICOM file of 3 frames, so frame {number} does not exist"


PADDINGS = [0, 1, 3, 9, 512]


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("pixels", [GREY, WORDS, RGB])
def test_zeros_behind_uncompressed_pixels_are_padding(pixels: np.ndarray, syntax: UID, padding: int) -> None:
    stored = pixels.astype(pixels.dtype.newbyteorder("<" if syntax.is_little_endian else ">")).tobytes()
    padded = stored + bytes(padding + (len(stored) + padding) % 2)
    np.testing.assert_array_equal(
        decode_image(dicom(pixels, syntax, PixelData=padded)), decode_image(dicom(pixels, syntax))
    )


@pytest.mark.parametrize("padding", PADDINGS)
def test_zeros_behind_the_last_of_several_frames_are_padding(padding: int) -> None:
    data = dicom(GREY, NumberOfFrames=3, PixelData=FRAMES.tobytes() + bytes(padding + (1 + padding) % 2))
    for number, expected in enumerate(FRAMES, start=1):
        np.testing.assert_array_equal(decode_image(data, frame=number), expected)


@pytest.mark.parametrize("padding", [2, 64])
@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, RLELossless])
def test_zeros_at_the_end_of_a_compressed_frame_are_padding(syntax: UID, padding: int) -> None:
    frames = JPEG_FRAMES if syntax == JPEGBaseline8Bit else [run_lengths(SMOOTH), run_lengths(SMOOTH[::-1])]
    plain = encapsulated(frames, SMOOTH, syntax, NumberOfFrames=len(frames))
    padded = encapsulated([frame + bytes(padding) for frame in frames], SMOOTH, syntax, NumberOfFrames=len(frames))
    for number in range(1, len(frames) + 1):
        np.testing.assert_array_equal(decode_image(padded, frame=number), decode_image(plain, frame=number))


def with_thumbnail(data: bytes) -> bytes:
    """Put a JPEG before the first segment of a JPEG, as cameras do."""
    thumbnail = jpeg(SMOOTH[:8, :8])
    return data[:2] + b"\xff\xe1" + (2 + len(thumbnail)).to_bytes(2) + thumbnail + data[2:]


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_may_hold_a_thumbnail_and_several_scans(progressive: bool) -> None:  # noqa: FBT001
    data = with_thumbnail(jpeg(SMOOTH, progressive=progressive))
    for end in (b"", bytes(8), b"\xff" * 4):
        np.testing.assert_array_equal(decode_image(encapsulated([data + end], SMOOTH)), from_jpeg(data))


@pytest.mark.parametrize("behind", [JPEG_FRAMES[1], b"\0\0U\0", bytes(512) + JPEG_FRAMES[1]])
def test_what_is_more_than_padding_behind_a_jpeg_is_refused(behind: bytes) -> None:
    data = with_thumbnail(JPEG_FRAMES[0])
    words = (
        "is a DICOM file with more than padding behind a frame's JPEG, such as a frame that its header does not count"
    )
    assert refusal(encapsulated([data + behind], SMOOTH)) == words


@pytest.mark.parametrize("has_offsets", [False, True])
@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, RLELossless])
def test_a_frame_that_the_header_does_not_count_is_not_lost(syntax: UID, has_offsets: bool) -> None:  # noqa: FBT001
    frames = JPEG_FRAMES if syntax == JPEGBaseline8Bit else [run_lengths(SMOOTH)] * 3
    dataset = make_dataset(SMOOTH, PixelData=encapsulate(frames, has_bot=has_offsets))
    dataset["PixelData"].is_undefined_length = True
    expected = (
        "more than padding behind a frame's JPEG"
        if syntax == JPEGBaseline8Bit and not has_offsets
        else "is a DICOM file of 3 compressed frames, where its header speaks of 1"
    )
    assert expected in refusal(to_bytes(dataset, syntax))


def run_lengths(pixels: np.ndarray) -> bytes:
    """The only frame of what pydicom's run-length encoder writes."""
    (frame,) = generate_frames(dcmread(io.BytesIO(rle(pixels))).PixelData, number_of_frames=1)
    return frame


def test_big_endian_bytes_in_words_are_padded_too() -> None:
    padded = GREY.tobytes() + bytes(5)
    dataset = make_dataset(GREY, PixelData=np.frombuffer(padded, np.uint16).byteswap().tobytes())
    dataset["PixelData"].VR = "OW"
    np.testing.assert_array_equal(decode_image(to_bytes(dataset, ExplicitVRBigEndian)), GREY)


def test_words_of_an_odd_number_of_bytes_are_refused() -> None:
    dataset = make_dataset(GREY, PixelData=GREY.tobytes() + b"\0")
    dataset["PixelData"].VR = "OW"
    data = to_bytes(dataset, ExplicitVRBigEndian)
    place = data.rindex(b"OW") + 4
    odd = data[:place] + GREY.size.to_bytes(4) + data[place + 4 : -1]
    assert refusal(odd) == "is a DICOM file of 16-bit words of pixels in an odd number of bytes; export it again"


@pytest.mark.parametrize("behind", [b"\1", b"\0\0\1", b"\1\0\0", b"\0" * 510 + b" ", GREY.tobytes()])
@pytest.mark.parametrize("syntax", NATIVE)
def test_what_is_more_than_padding_is_refused(syntax: UID, behind: bytes) -> None:
    stored = GREY.tobytes() + behind
    assert refusal(dicom(GREY, syntax, PixelData=stored + b"\0" * (len(stored) % 2))) == (
        f"is a DICOM file of {len(stored) + len(stored) % 2} bytes of pixels, where its header speaks of 35, "
        "and those behind are not all zeros, as padding is; export it again"
    )


@pytest.mark.parametrize("missing", [2, 36])
@pytest.mark.parametrize("syntax", NATIVE)
def test_too_few_pixels_are_refused(syntax: UID, missing: int) -> None:
    stored = (FRAMES.tobytes() + b"\0")[:-missing]
    data = dicom(GREY, syntax, NumberOfFrames=3, PixelData=stored)
    words = refusal(data, frame=1)
    assert words == f"is a DICOM file of {len(stored)} bytes of pixels, where its header speaks of 105; export it again"


def test_the_only_frame_may_be_asked_for() -> None:
    np.testing.assert_array_equal(decode_image(dicom(GREY), frame=1), GREY)
    assert refusal(dicom(GREY), frame=2) == "is a DICOM file of 1 frame, so frame 2 does not exist"


def test_other_formats_have_no_frame_to_ask_for() -> None:
    with pytest.raises(DecodeError, match="is no DICOM file"):
        decode_image(jpeg(SMOOTH), frame=1)


def test_result_can_be_written_to() -> None:
    for data in (dicom(GREY), dicom(RGB), dicom(WORDS), rle(GREY), encapsulated([jpeg(SMOOTH)], SMOOTH)):
        decoded = decode_image(data)
        assert decoded.flags.writeable
        assert decoded.flags.c_contiguous


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("1.2.840.10008.1.2.4.57", "JPEG Lossless, Non-Hierarchical (Process 14)"),
        (
            "1.2.840.10008.1.2.4.70",
            "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])",
        ),
        ("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless Image Compression"),
        ("1.2.840.10008.1.2.4.90", "JPEG 2000 Image Compression (Lossless Only)"),
        ("1.2.840.10008.1.2.4.91", "JPEG 2000 Image Compression"),
        ("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1"),
    ],
)
def test_other_transfer_syntaxes_are_refused_by_name(uid: str, name: str) -> None:
    words = refusal(encapsulated([b"pixels"], GREY, UID(uid)))
    assert f"whose transfer syntax is {name}, which is not read" in words
    assert "RLE Lossless" in words


@pytest.mark.parametrize("uid", [b"1.2.840.10008.1.2.999", b"1.2.840.10008.1.1\0\0\0\0", b"no number at all\0\0\0\0\0"])
def test_what_is_no_transfer_syntax_is_not_repeated(uid: bytes) -> None:
    data = encapsulated([b"pixels"], GREY, UID("1.2.840.10008.1.2.4.90"))
    words = refusal(data.replace(b"1.2.840.10008.1.2.4.90", uid.ljust(22, b"\0")))
    assert "whose transfer syntax is unknown to DICOM, which is not read" in words
