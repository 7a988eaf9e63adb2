"""Samples of every depth, and what is transparent of them, are read in one way."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from breastseg.inference.decode import decode_image
from breastseg.inference.raster import DecodeError

GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
RNG = np.random.default_rng(6)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(row: list[int], bits: int, colour: int, *extra: bytes) -> bytes:
    """A PNG file of one row of samples, side by side."""
    width = len(row) // CHANNELS[colour]
    packed = "".join(f"{value:0{bits}b}" for value in row)
    packed += "0" * (-len(packed) % 8)
    body = b"\0" + int(packed, 2).to_bytes(len(packed) // 8)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, colour, 0, 0, 0))
    return b"".join([b"\x89PNG\r\n\x1a\n", header, *extra, chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b"")])


def transparent(*values: int) -> bytes:
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


def pixels(data: bytes) -> list[object]:
    (row,) = decode_image(data).tolist()
    return list(row)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_is_black_at_every_depth(bits: int) -> None:
    full = 2**bits - 1
    row = [0, full, 1, full // 2, full, full - 1]
    opaque = pixels(png(row, bits, GREY))
    for key in (full, 1, full // 2, 0):
        expected = [0 if value == key else level for value, level in zip(row, opaque, strict=True)]
        assert pixels(png(row, bits, GREY, transparent(key))) == expected


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_bits_beyond_the_depth_do_not_count_in_the_transparent_grey(bits: int) -> None:
    full = 2**bits - 1
    assert pixels(png([1, full, 0], bits, GREY, transparent(0x4000 | full))) == [255 // full, 0, 0]


@pytest.mark.parametrize("key", [300, 256, 44])
def test_a_16_bit_grey_is_transparent_by_all_of_its_bits(key: int) -> None:
    assert pixels(png([300, 256, 44], 16, GREY, transparent(key))) == [int(value != key) for value in (300, 256, 44)]


@pytest.mark.parametrize(("bits", "factor"), [(8, 1), (16, 257)])
def test_the_transparent_colour_is_black_at_every_depth(bits: int, factor: int) -> None:
    row = [9, 8, 7, 9, 8, 6, 9, 9, 9]
    data = png([factor * value for value in row], bits, COLOUR, transparent(*(factor * value for value in (9, 8, 7))))
    assert pixels(data) == [[0, 0, 0], [9, 8, 6], [9, 9, 9]]


def test_a_16_bit_colour_is_transparent_by_all_of_its_bits() -> None:
    # both have the same upper bytes
    row = [0x901, 0x802, 0x703, 0x902, 0x802, 0x703]
    first, second = pixels(png(row, 16, COLOUR, transparent(*row[:3])))
    assert first == [0, 0, 0]
    assert second == [9, 8, 7]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize(
    ("opacities", "expected"), [(b"\xff\0", [200, 0]), (b"\0", [0, 100]), (b"\xff\x80", [200, 50]), (b"", [200, 100])]
)
def test_transparent_entries_of_a_palette(bits: int, opacities: bytes, expected: list[int]) -> None:
    palette = chunk(b"PLTE", bytes([200, 200, 200, 100, 100, 100]))
    extra = (palette, chunk(b"tRNS", opacities)) if opacities else (palette,)
    assert pixels(png([0, 1], bits, PALETTE, *extra)) == expected


def test_16_bit_grey_with_opacity() -> None:
    assert pixels(png([65535, 65535, 65535, 32768, 1, 65535, 65535, 0, 300, 65535], 16, GREY_ALPHA)) == [
        255,
        128,
        1,
        0,
        1,
    ]


def test_16_bit_colour_with_opacity() -> None:
    row = [65535, 0, 257, 65535, 65535, 0, 0, 32768, 1, 0, 2, 65535, 65535, 65535, 65535, 0]
    assert pixels(png(row, 16, COLOUR_ALPHA)) == [[255, 0, 1], [128, 0, 0], [1, 0, 1], [0, 0, 0]]


def test_16_bit_colour_is_scaled_as_grey_is() -> None:
    words = [int(word) for word in RNG.integers(0, 2**16, 30)] + [1, 0, 2]
    expected = np.maximum(np.rint(np.array(words) / 65535 * 255), np.array(words) > 0).reshape(-1, 3)
    assert pixels(png(words, 16, COLOUR)) == expected.tolist()
    assert pixels(png(words, 16, GREY)) == expected.ravel().tolist()


def test_a_16_bit_colour_mask_of_0_and_1_is_not_lost() -> None:
    assert pixels(png([0, 0, 0, 1, 1, 1], 16, COLOUR)) == [0, 1]


def test_16_bit_grey_in_three_channels_is_grey() -> None:
    assert pixels(png([300, 300, 300, 65535, 65535, 65535], 16, COLOUR)) == [1, 255]


def test_many_rows_of_16_bit_colour_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breastseg.inference.raster._BLOCK", 40)
    rows = RNG.integers(0, 2**16, (9, 5, 3), dtype=np.uint16)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 9, 16, COLOUR, 0, 0, 0))
    body = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(decode_image(data), np.maximum(np.rint(rows / 65535 * 255), rows > 0))


def test_significant_bits_change_nothing() -> None:
    # a PNG file's samples fill their depth, however many bits were measured
    assert pixels(png([4095, 65535], 16, GREY, chunk(b"sBIT", b"\x0c"))) == [16, 255]


def test_a_transparent_grey_that_is_cut_off_is_refused() -> None:
    with pytest.raises(DecodeError, match="damaged"):
        decode_image(png([1, 2], 8, GREY, chunk(b"tRNS", b"\1")))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_first_picture_of_an_animation_counts(kind: str) -> None:
    frames = [Image.fromarray(RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(2)]
    stream = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:], duration=100, **options)
    np.testing.assert_array_equal(decode_image(stream.getvalue()), np.asarray(frames[0]))
