"""A TIFF file of any form gives the stored picture, black as black, or an error that says why not."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from breastseg.inference.decode import decode_image
from breastseg.inference.raster import DecodeError
from tests.tiff_files import (
    BITS,
    COLOUR_MAP,
    COMPRESSION,
    EXTRA,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    SAMPLE_FORMAT,
    SUBSAMPLING,
    XMP,
    tiff,
)

Pixels = npt.NDArray[Any]

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
RGB = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
OPACITY = RNG.integers(0, 256, (5, 7, 1), dtype=np.uint8)
WHITE_IS_ZERO: dict[int, Any] = {PHOTOMETRIC: 0}
XMP_TURNED = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'

both_orders = pytest.mark.parametrize("order", ["<", ">"])
raw_and_deflated = pytest.mark.parametrize("is_deflated", [False, True])


def refusal(data: bytes) -> str:
    with pytest.raises(DecodeError) as refused:
        decode_image(data)
    return str(refused.value)


@both_orders
@raw_and_deflated
@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("pixels", [GREY, GREY > 100, RGB, GREY.astype(np.uint16) * 257, GREY / np.float32(255)])
def test_no_orientation_is_applied(pixels: Pixels, orientation: int, order: str, is_deflated: bool) -> None:  # noqa: FBT001
    turned = tiff(pixels, {ORIENTATION: orientation}, order=order, is_deflated=is_deflated)
    plain = decode_image(tiff(pixels, order=order, is_deflated=is_deflated))
    assert plain.shape[:2] == (5, 7)
    np.testing.assert_array_equal(decode_image(turned), plain)


@raw_and_deflated
def test_no_orientation_in_xmp_is_applied(is_deflated: bool) -> None:  # noqa: FBT001
    data = tiff(GREY, {XMP: XMP_TURNED}, is_deflated=is_deflated)
    np.testing.assert_array_equal(decode_image(data), GREY)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg"])
def test_libtiffs_own_colours_are_not_turned(compression: str, orientation: int) -> None:
    smooth = Image.fromarray(np.add.outer(np.arange(32), np.arange(48)).astype(np.uint8)).convert("YCbCr")
    plain, turned = io.BytesIO(), io.BytesIO()
    smooth.save(plain, "TIFF", compression=compression)
    smooth.save(turned, "TIFF", compression=compression, tiffinfo={ORIENTATION: orientation})
    np.testing.assert_array_equal(decode_image(turned.getvalue()), decode_image(plain.getvalue()))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_all_formats_leave_pixels_where_they_are(kind: str, orientation: int) -> None:
    plain, turned = io.BytesIO(), io.BytesIO()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(RGB).save(plain, kind)
    Image.fromarray(RGB).save(turned, kind, exif=exif)
    np.testing.assert_array_equal(decode_image(turned.getvalue()), decode_image(plain.getvalue()))


@both_orders
@raw_and_deflated
@pytest.mark.parametrize(
    ("values", "bits"),
    [
        (GREY > 100, 1),
        (GREY >> 6, 2),
        (GREY >> 4, 4),
        (GREY, 8),
        (GREY.astype(np.uint16) * 257, 16),
        (GREY / np.float32(255), 32),
    ],
)
def test_white_as_zero_is_inverted_at_every_depth(values: Pixels, bits: int, order: str, is_deflated: bool) -> None:  # noqa: FBT001
    black_is_zero = decode_image(tiff(values, bits=bits, order=order, is_deflated=is_deflated))
    white_is_zero = decode_image(tiff(values, WHITE_IS_ZERO, bits=bits, order=order, is_deflated=is_deflated))
    assert black_is_zero.max() > 200
    np.testing.assert_allclose(white_is_zero, 255 - black_is_zero.astype(int), atol=1)


@raw_and_deflated
def test_the_same_picture_is_read_at_each_depth_and_polarity(is_deflated: bool) -> None:  # noqa: FBT001
    words = GREY.astype(np.uint16) * 257
    forms: list[tuple[Pixels, Pixels]] = [
        (GREY, 255 - GREY),
        (words, 65535 - words),
        (GREY / np.float32(255), 1 - GREY / np.float32(255)),
    ]
    for black, white in forms:
        np.testing.assert_array_equal(decode_image(tiff(black, is_deflated=is_deflated)), GREY)
        np.testing.assert_array_equal(decode_image(tiff(white, WHITE_IS_ZERO, is_deflated=is_deflated)), GREY)


def test_a_16_bit_mask_of_0_and_1_is_inverted_like_one_of_8_bits() -> None:
    mask = GREY > 100
    for dtype in (np.uint8, np.uint16):
        full = np.iinfo(dtype).max
        white = (full - mask.astype(dtype)).astype(dtype)
        np.testing.assert_array_equal(decode_image(tiff(white, WHITE_IS_ZERO)) > 0, mask)


@both_orders
@raw_and_deflated
@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint32])
def test_white_as_zero_of_an_unknown_black_is_refused(dtype: type, order: str, is_deflated: bool) -> None:  # noqa: FBT001
    words = refusal(tiff((GREY >> 1).astype(dtype), WHITE_IS_ZERO, order=order, is_deflated=is_deflated))
    name = f"{8 * np.dtype(dtype).itemsize}-bit {'un' * (dtype == np.uint32)}signed integers in WhiteIsZero"
    assert words.startswith(f"is a TIFF file of {name}, whose black is unknown; save it with 8 or 16 bits")


def test_white_as_zero_with_opacity_is_refused() -> None:
    data = tiff(np.dstack([GREY, OPACITY]), {PHOTOMETRIC: 0, EXTRA: 2})
    assert "in WhiteIsZero of several channels, which is not read" in refusal(data)


@pytest.mark.parametrize("pixels", [GREY, GREY.astype(np.uint16), GREY > 100])
def test_grey_of_an_unknown_polarity_is_refused(pixels: Pixels) -> None:
    assert "does not say whether 0 is black or white" in refusal(tiff(pixels, {PHOTOMETRIC: None}))


@both_orders
@raw_and_deflated
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32])
def test_wide_samples_are_read_in_the_files_order(dtype: type, order: str, is_deflated: bool) -> None:  # noqa: FBT001
    values = GREY / np.float32(255) if dtype is np.float32 else GREY.astype(np.int32) * 128
    decoded = decode_image(tiff(values.astype(dtype), order=order, is_deflated=is_deflated))
    expected = GREY if dtype is np.float32 else np.maximum(np.rint(GREY / 65535 * 128 * 255), GREY > 0)
    np.testing.assert_array_equal(decoded, expected)


@both_orders
@raw_and_deflated
@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_negative_values_are_refused(dtype: type, order: str, is_deflated: bool) -> None:  # noqa: FBT001
    positive: Pixels = (GREY >> 1).astype(dtype)
    assert decode_image(tiff(positive, order=order, is_deflated=is_deflated)).any()
    negative = positive.copy()
    negative[2, 3] = -1
    assert "holds " in refusal(tiff(negative, order=order, is_deflated=is_deflated))


@raw_and_deflated
@pytest.mark.parametrize("is_inverted", [False, True])
def test_12_bits_in_a_row_are_scaled_by_their_own_range(is_deflated: bool, is_inverted: bool) -> None:  # noqa: FBT001
    values = np.array([[0, 1, 2048, 4095, 16, 300, 77]], dtype=np.uint16)
    expected = np.rint(values / 4095 * 255)
    decoded = decode_image(tiff(values, {PHOTOMETRIC: int(not is_inverted)}, bits=12, is_deflated=is_deflated))
    if is_inverted:
        np.testing.assert_array_equal(decoded, np.maximum(np.rint((4095 - values) / 4095 * 255), values < 4095))
    else:
        np.testing.assert_array_equal(decoded, np.maximum(expected, values > 0))


@pytest.mark.parametrize(
    ("pixels", "tags", "words"),
    [
        (GREY / 255, {}, "64-bit floats in BlackIsZero, which are not read; save it with 8 or 16 bits"),
        ((GREY / 255).astype(np.float16), {}, "16-bit floats in BlackIsZero"),
        (GREY.astype(np.uint64), {}, "64-bit unsigned integers in BlackIsZero"),
        (RGB / np.float32(255), {}, "32-bit floats in RGB"),
        (GREY, {SAMPLE_FORMAT: 4}, "8-bit samples of an unknown kind in BlackIsZero"),
        (GREY.astype(np.uint16), {PHOTOMETRIC: 3, COLOUR_MAP: (0,) * 3 * 2**16}, "16-bit unsigned integers in palette"),
        (RGB.astype(np.uint16), {PHOTOMETRIC: 8}, "16-bit unsigned integers in CIE L*a*b*"),
        (RGB, {PHOTOMETRIC: 9}, "in ICC L*a*b*, which is not read; save it as RGB or grey"),
        (GREY, {PHOTOMETRIC: 4}, "in a transparency mask"),
        (GREY, {PHOTOMETRIC: 77}, "in the unknown colour space 77"),
        (RGB, {BITS: (8, 8, 16)}, "whose channels have different depths"),
        (RGB, {PHOTOMETRIC: 6, SUBSAMPLING: (2, 2)}, "uncompressed YCbCr with shared colours"),
        (RGB, {PHOTOMETRIC: 6}, "uncompressed YCbCr with shared colours"),
        (GREY, {PHOTOMETRIC: 3, COLOUR_MAP: tuple(range(256)) * 3}, "palette is of 8 bits, where it has to be of 16"),
    ],
)
@both_orders
def test_what_would_be_misread_is_refused(pixels: Pixels, tags: dict[int, Any], words: str, order: str) -> None:
    assert words in refusal(tiff(pixels, tags, order=order))


def test_l_a_b_becomes_rgb() -> None:
    colours = RGB // 2 + 64
    stream = io.BytesIO()
    Image.fromarray(colours).convert("LAB").save(stream, "TIFF")
    assert np.abs(decode_image(stream.getvalue()).astype(int) - colours).mean() < 2


@both_orders
@pytest.mark.parametrize("tag", [ORIENTATION, PHOTOMETRIC, COMPRESSION])
def test_a_tag_of_another_type_is_refused(tag: int, order: str) -> None:
    short, rational = (np.array([tag, kind], dtype=f"{order}u2").tobytes() for kind in (3, 5))
    data = tiff(GREY, {ORIENTATION: 6}, order=order)
    assert short in data
    assert "damaged" in refusal(data.replace(short, rational))


def test_a_tag_that_is_there_twice_is_refused() -> None:
    data = tiff(GREY, {ORIENTATION: 6})
    twice = data.replace(np.array([278, 3], dtype="<u2").tobytes(), np.array([ORIENTATION, 3], dtype="<u2").tobytes())
    assert "whose tag ORIENTATION is there twice" in refusal(twice)


@both_orders
@raw_and_deflated
def test_planes(order: str, is_deflated: bool) -> None:  # noqa: FBT001
    planes = RGB.transpose(2, 0, 1)
    options: dict[str, Any] = {"order": order, "is_deflated": is_deflated}
    np.testing.assert_array_equal(decode_image(tiff(planes, {PLANAR: 2, PHOTOMETRIC: 2}, **options)), RGB)
    words = refusal(tiff(planes.astype(np.uint16) * 257, {PLANAR: 2, PHOTOMETRIC: 2}, **options))
    assert words == "is a TIFF file in planes that are not read; save it with the channels side by side"


@both_orders
@raw_and_deflated
@pytest.mark.parametrize("photometric", [0, 1])
def test_the_plane_of_grey_is_read_as_if_it_were_none(photometric: int, order: str, is_deflated: bool) -> None:  # noqa: FBT001
    for pixels in (GREY, GREY.astype(np.uint16) * 257, GREY / np.float32(255)):
        data = tiff(pixels, {PLANAR: 2, PHOTOMETRIC: photometric}, order=order, is_deflated=is_deflated)
        np.testing.assert_array_equal(decode_image(data), GREY if photometric else 255 - GREY)


@both_orders
@raw_and_deflated
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_opacity(dtype: type, order: str, is_deflated: bool) -> None:  # noqa: FBT001
    factor = 1 if dtype is np.uint8 else 257
    over_black = RGB * (OPACITY / 255)
    for kind, colours, expected in (
        (0, RGB, RGB),
        (1, np.rint(over_black).astype(np.uint8), over_black),
        (2, RGB, over_black),
    ):
        samples = np.dstack([colours, OPACITY]).astype(dtype) * dtype(factor)
        data = tiff(samples, {EXTRA: kind}, order=order, is_deflated=is_deflated)
        # Pillow divides 8-bit colours by their opacity and multiplies them again
        np.testing.assert_allclose(decode_image(data), expected, atol=1.5)


@both_orders
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_opacity_of_grey(kind: int, order: str) -> None:
    over_black = GREY * (OPACITY[..., 0] / 255)
    stored = np.rint(over_black).astype(np.uint8) if kind == 1 else GREY
    data = tiff(np.dstack([stored, OPACITY]), {EXTRA: kind, PHOTOMETRIC: 1}, order=order)
    np.testing.assert_allclose(decode_image(data), GREY if kind == 0 else over_black, atol=1)


@both_orders
@raw_and_deflated
def test_16_bit_colour_is_scaled_as_grey_is(order: str, is_deflated: bool) -> None:  # noqa: FBT001
    words = RNG.integers(0, 2**16, (5, 7, 3), dtype=np.uint16)
    words[0] = 1, 0, 2
    expected = np.maximum(np.rint(words / 65535 * 255), words > 0)
    np.testing.assert_array_equal(decode_image(tiff(words, order=order, is_deflated=is_deflated)), expected)


def test_big_tiff_is_read_as_stored() -> None:
    stream = io.BytesIO()
    Image.fromarray(GREY).save(stream, "TIFF", big_tiff=True, tiffinfo={ORIENTATION: 6})
    assert stream.getvalue().startswith(b"II+\0")
    np.testing.assert_array_equal(decode_image(stream.getvalue()), GREY)


@pytest.mark.parametrize("offset", [0, 10_000, 2**32 - 1])
def test_a_directory_beyond_the_file_is_refused(offset: int) -> None:
    assert "damaged" in refusal(b"II*\0" + offset.to_bytes(4, "little") + b"\xff" * 40)
