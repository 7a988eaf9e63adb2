"""What comes in as a file comes out as 8-bit grey or RGB, or as an error that says why not."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from breastseg.inference.decode import decode_image
from breastseg.inference.raster import FORMATS, MAX_PIXELS, MAX_SIDE, DecodeError, TooManyPixelsError
from tests.hostile_files import many_scans

SOURCE = Path(__file__).resolve().parents[2] / "src"
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
RGB = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)


def _encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 - as Pillow types them
    stream = io.BytesIO()
    image.save(stream, format=kind, **options)
    return stream.getvalue()


def _png(pixels: npt.NDArray[Any], mode: str | None = None) -> bytes:
    image = Image.fromarray(pixels)
    return _encode(image if mode is None else image.convert(mode))


def _bomb(width: int, height: int) -> bytes:
    """A PNG whose header speaks of more pixels than its body holds."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_return_the_stored_pixels(kind: str) -> None:
    np.testing.assert_array_equal(decode_image(_encode(Image.fromarray(GREY), kind)), GREY)
    np.testing.assert_array_equal(decode_image(_encode(Image.fromarray(RGB), kind)), RGB)


def test_webp_returns_the_stored_pixels() -> None:
    np.testing.assert_array_equal(decode_image(_encode(Image.fromarray(RGB), "WEBP", lossless=True)), RGB)


def test_jpeg_comes_close_and_stays_grey() -> None:
    smooth = np.linspace(0, 255, 64 * 64, dtype=np.uint8).reshape(64, 64)
    decoded = decode_image(_encode(Image.fromarray(smooth).convert("RGB"), "JPEG", quality=95))
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - smooth).mean() < 3


def test_one_bit_becomes_0_and_255() -> None:
    assert set(np.unique(decode_image(_png(GREY > 100)))) == {0, 255}
    np.testing.assert_array_equal(decode_image(_png(GREY > 100)) > 0, GREY > 100)


def test_palette_is_looked_up() -> None:
    image = Image.fromarray((GREY % 2).astype(np.uint8), mode=None).convert("P")
    image.putpalette([10, 10, 10, 200, 100, 50])
    decoded = decode_image(_encode(image))
    np.testing.assert_array_equal(decoded[GREY % 2 == 1], np.tile([200, 100, 50], ((GREY % 2).sum(), 1)))


def test_three_equal_channels_are_grey() -> None:
    np.testing.assert_array_equal(decode_image(_png(np.stack([GREY] * 3, axis=2))), GREY)


def test_one_unequal_pixel_keeps_the_colour() -> None:
    pixels = np.stack([GREY] * 3, axis=2)
    pixels[2, 3] = 1, 2, 3
    np.testing.assert_array_equal(decode_image(_png(pixels)), pixels)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_opaque_alpha_changes_nothing(mode: str) -> None:
    np.testing.assert_array_equal(decode_image(_png(GREY, mode)), GREY)


def test_transparent_pixels_are_black() -> None:
    alpha = np.full((5, 7, 1), 255, dtype=np.uint8)
    alpha[0] = 0
    decoded = decode_image(_png(np.concatenate([RGB, alpha], axis=2)))
    assert not decoded[0].any()
    np.testing.assert_array_equal(decoded[1:], RGB[1:])


def test_transparent_palette_entry_is_black() -> None:
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8)).convert("P")
    image.putpalette([255, 255, 255, 9, 9, 9])
    np.testing.assert_array_equal(decode_image(_encode(image, transparency=0)), [[0, 9]])


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_is_scaled_by_its_full_range(kind: str) -> None:
    values = np.array([[0, 1, 257, 257 * 128, 65535]], dtype=np.uint16)
    np.testing.assert_array_equal(decode_image(_encode(Image.fromarray(values), kind)), [[0, 1, 1, 128, 255]])


def test_16_bit_mask_of_0_and_1_is_not_lost() -> None:
    mask = (GREY > 100).astype(np.uint16)
    np.testing.assert_array_equal(decode_image(_encode(Image.fromarray(mask))) > 0, GREY > 100)


def test_floats_count_from_0_to_1() -> None:
    values = np.array([[0.0, 0.5, 1.0]], dtype=np.float32)
    np.testing.assert_array_equal(decode_image(_encode(Image.fromarray(values), "TIFF")), [[0, 128, 255]])


@pytest.mark.parametrize("value", [-1.0, 1.5, np.nan])
def test_floats_of_unknown_range_are_refused(value: float) -> None:
    data = _encode(Image.fromarray(np.array([[value]], dtype=np.float32)), "TIFF")
    with pytest.raises(DecodeError, match="outside 0 to 1"):
        decode_image(data)


def test_32_bit_integers_beyond_16_bits_are_refused() -> None:
    data = _encode(Image.fromarray(np.array([[70_000]], dtype=np.int32)), "TIFF")
    with pytest.raises(DecodeError, match="outside 0 to 65535"):
        decode_image(data)


def test_cmyk_becomes_rgb() -> None:
    decoded = decode_image(_encode(Image.new("CMYK", (3, 2), (255, 0, 0, 0)), "TIFF"))
    np.testing.assert_array_equal(decoded, np.broadcast_to([0, 255, 255], (2, 3, 3)))


def test_exif_orientation_is_not_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_image(_encode(Image.fromarray(GREY), exif=exif)).shape == GREY.shape


def test_first_frame_counts() -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    data = _encode(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode_image(data), GREY)


def test_result_can_be_written_to() -> None:
    assert decode_image(_png(GREY)).flags.writeable
    assert decode_image(_png(RGB)).flags.writeable


def test_empty_file_says_so() -> None:
    with pytest.raises(DecodeError, match="is empty"):
        decode_image(b"")


@pytest.mark.parametrize("data", [b"no image at all", b"GIF89a" + bytes(20), b"%PDF-1.7"])
def test_other_formats_name_the_accepted_ones(data: bytes) -> None:
    with pytest.raises(DecodeError, match=", ".join(FORMATS)):
        decode_image(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP"])
def test_cut_off_file_says_so(kind: str) -> None:
    data = _encode(Image.fromarray(RNG.integers(0, 256, (64, 64), dtype=np.uint8)), kind)
    with pytest.raises(DecodeError, match="cut off"):
        decode_image(data[: len(data) // 2])


# just above our limit, above Pillow's warning, above Pillow's error
@pytest.mark.parametrize("side", [7_100, 9_600, 60_000])
def test_bomb_is_refused_from_its_header(side: int) -> None:
    assert side * side > MAX_PIXELS
    with warnings.catch_warnings(record=True) as caught, pytest.raises(DecodeError, match="pixels"):
        decode_image(_bomb(side, side))
    assert not caught


@pytest.mark.parametrize("shape", [(MAX_SIDE + 1, 1), (1, MAX_SIDE + 1)])
def test_a_side_beyond_what_other_formats_hold_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(TooManyPixelsError, match="a side of more than 65,535"):
        decode_image(_png(np.zeros(shape, dtype=np.uint8)))
    assert decode_image(_png(np.zeros((MAX_SIDE, 1), dtype=np.uint8))).shape == (MAX_SIDE, 1)


def test_a_jpeg_of_very_many_scans_is_refused_unread() -> None:
    assert decode_image(many_scans(64, scans=50)).shape == (64, 64)
    with pytest.raises(DecodeError, match="more than 100 scans"):
        decode_image(many_scans(64, scans=101))


@pytest.mark.parametrize("compression", ["tiff_ccitt", "group3", "group4"])
def test_a_fax_is_refused_with_the_way_out(compression: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = _encode(Image.fromarray(GREY > 100), "TIFF", compression=compression)
    for fax in (data, data.replace(data[8:12], b"\x55\xaa\x55\xaa")):
        with pytest.raises(DecodeError, match=f"fax compression {compression}.*uncompressed or with LZW, or as PNG"):
            decode_image(fax)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
def test_other_compressions_of_one_bit_are_read(compression: str | None) -> None:
    data = _encode(Image.fromarray(GREY > 100), "TIFF", compression=compression)
    np.testing.assert_array_equal(decode_image(data), (GREY > 100) * 255)


def test_a_caller_may_take_fewer_pixels() -> None:
    assert decode_image(_png(GREY), max_pixels=GREY.size).shape == GREY.shape
    with pytest.raises(TooManyPixelsError, match="has 7 x 5 pixels, more than 34"):
        decode_image(_png(GREY), max_pixels=GREY.size - 1)


def test_bomb_between_pillows_warning_and_error_is_refused_without_a_word() -> None:
    # pytest turns warnings into errors by itself; a bare interpreter shows what a server does
    code = "import sys; from breastseg.inference.decode import decode_image; decode_image(sys.stdin.buffer.read())"
    ended = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code],
        input=_bomb(9_600, 9_600),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(b"breastseg.inference.raster.TooManyPixelsError: has more than")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(FORMATS),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
    keep=st.floats(0.1, 1),
)
@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_give_pixels_or_a_decode_error(kind: str, edits: list[tuple[float, int]], keep: float) -> None:
    data = bytearray(_encode(Image.fromarray(RGB), kind))
    for place, value in edits:
        data[round(place * (len(data) - 1))] = value
    try:
        decoded = decode_image(bytes(data[: max(1, round(keep * len(data)))]))
    except DecodeError:
        return
    assert decoded.dtype == np.uint8
    assert decoded.shape[2:] in ((), (3,))
