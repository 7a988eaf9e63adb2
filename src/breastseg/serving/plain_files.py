"""Tells files whose decoding takes no longer than their size says from those that may be made to take minutes.

A list of what is known to be quick, not of what is known to be slow: there is always another way to be slow.
"""

from __future__ import annotations

import struct

_PNG_MARK, _JPEG_MARK, _BMP_MARK = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"BM"

# none of them is inflated but the pixels, which are as many as the header says
_PNG_CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME", b"bKGD", b"sBIT", b"tEXt"}
)
_MOST_CHUNKS, _BYTES_A_CHUNK = 1_000, 1_024

_SCAN = 0xDA
# colour profiles and thumbnails take up to 64 KiB a segment
_MOST_SEGMENTS, _MOST_SEGMENT_BYTES = 300, 2**20
# behind the first scan: fill bytes, and the marks of tables, comments and metadata, which data of pixels never hold
_MOST_MARKS = 1_000
_MARKS = (b"\xff\xff", b"\xff\xc4", b"\xff\xdb", b"\xff\xdd", b"\xff\xfe", b"\xff\xe1", b"\xff\xed")

_BMP_COMPRESSION, _UNCOMPRESSED = 30, bytes(4)


def is_plain(data: bytes) -> bool:
    """Tell whether a file is of a usual form that is decoded in a time that goes with its bytes and pixels.

    Args:
        data: The whole file: PNG of still images without compressed texts and profiles, JPEG with few segments, or
            uncompressed BMP; anything else is not.
    """
    if data.startswith(_PNG_MARK):
        return _is_plain_png(data)
    if data.startswith(_JPEG_MARK):
        return _is_plain_jpeg(data)
    return data.startswith(_BMP_MARK) and data[_BMP_COMPRESSION : _BMP_COMPRESSION + 4] == _UNCOMPRESSED


def _is_plain_png(data: bytes) -> bool:
    place = len(_PNG_MARK)
    for _ in range(_MOST_CHUNKS + len(data) // _BYTES_A_CHUNK):
        if place + 8 > len(data):
            return True
        length, name = struct.unpack_from(">I4s", data, place)
        if name == b"IEND":
            return True
        if name not in _PNG_CHUNKS:
            return False
        place += 12 + length
    return False


def _is_plain_jpeg(data: bytes) -> bool:
    place = len(_JPEG_MARK)
    for _ in range(_MOST_SEGMENTS):
        if place > _MOST_SEGMENT_BYTES or place + 4 > len(data) or data[place] != 0xFF:  # noqa: PLR2004 - any mark
            return False
        if data[place + 1] == _SCAN:
            return sum(data.count(mark, place) for mark in _MARKS) <= _MOST_MARKS
        place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    return False
