"""Bounds on the structure of a raster file, whose parts Pillow walks one by one in Python.

A file of 20 MB can have millions of chunks, markers or codes, each of which takes microseconds before a pixel is
decoded. Here they are counted first, and what no program writes is refused.
"""

from __future__ import annotations

import re
import struct

_PNG_MARK, _JPEG_MARK, _BMP_MARK = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"BM"

# Encoders write a chunk for each 8 KiB or more; some thousands of any kind take no time.
_CHUNKS, _BYTES_A_CHUNK = 5_000, 1024
# Colour profiles take up to 255, metadata some dozens.
_SEGMENTS = 2_000
# bytes between segments that belong to none
_PADDING = 4_096
# of a run-length coded BMP file: each code, of two bytes, is a step
_RUN_LENGTH_BYTES = 2**20
_RUN_LENGTH = (1, 2)

_JPEG_END = b"\xff\xd9"
_FILL = re.compile(rb"\xff+")
_SCAN, _ALONE = 0xDA, frozenset({0x01, *range(0xD0, 0xDA)})


def structure_fault(data: bytes) -> str | None:
    """Return what of a file would take too long to walk, as a phrase that follows its name; None if nothing.

    Damaged files have none: their decoder says what is wrong.

    Args:
        data: A whole PNG, JPEG or BMP file, or any other, which has none. Strips of TIFF are counted by `tiff`.
    """
    if data.startswith(_PNG_MARK):
        return _png_fault(data)
    if data.startswith(_JPEG_MARK):
        return _jpeg_fault(data)
    return _bmp_fault(data) if data.startswith(_BMP_MARK) else None


def _png_fault(data: bytes) -> str | None:
    most = _CHUNKS + len(data) // _BYTES_A_CHUNK
    place = len(_PNG_MARK)
    for _ in range(most):
        if place + 8 > len(data):
            return None
        length, name = struct.unpack_from(">I4s", data, place)
        if name == b"IEND":
            return None
        place += 12 + length
    return f"has more than {most:,} chunks; save it again"


def _jpeg_fault(data: bytes) -> str | None:
    """Follow the segments up to the first scan; behind it, fill bytes are all that costs more than their number."""
    place, padding = len(_JPEG_MARK), 0
    for _ in range(_SEGMENTS):
        start = data.find(b"\xff", place)
        fill = _FILL.match(data, start) if start >= 0 else None
        if fill is None or fill.end() == len(data):
            padding += len(data) - place
            return _padded() if padding > _PADDING else None
        padding += fill.end() - 1 - place
        if padding > _PADDING:
            return _padded()
        code, place = data[fill.end()], fill.end() + 1
        if code == _SCAN:
            end = data.find(_JPEG_END, place)
            fills = data.count(b"\xff\xff", place, end if end >= 0 else len(data))
            return _padded() if fills > _PADDING else None
        if code == 0:
            padding += 2
        elif code not in _ALONE and place + 2 <= len(data):
            place += max(2, struct.unpack_from(">H", data, place)[0])
    return f"has more than {_SEGMENTS:,} segments before its first scan; save it again"


def _padded() -> str:
    return f"has more than {_PADDING:,} bytes of padding between or within its segments; save it again"


def _bmp_fault(data: bytes) -> str | None:
    header = 30
    if len(data) <= max(_RUN_LENGTH_BYTES, header + 4):
        return None
    (compression,) = struct.unpack_from("<I", data, header)
    if compression not in _RUN_LENGTH:
        return None
    return f"is a run-length coded BMP file of more than {_RUN_LENGTH_BYTES:,} bytes; save it uncompressed or as PNG"
