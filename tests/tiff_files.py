"""TIFF files for tests, written tag by tag, so that they can be of any form."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]

BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES, PLANAR = 258, 259, 262, 274, 277, 284
COLOUR_MAP, EXTRA, SAMPLE_FORMAT, SUBSAMPLING, XMP = 320, 338, 339, 530, 700
_BYTES, _SHORT, _LONG = 1, 3, 4
_DEFLATE = 8
_KINDS = {"u": 1, "b": 1, "i": 2, "f": 3}


def tiff(
    pixels: Pixels,
    tags: dict[int, Any] | None = None,
    *,
    order: str = "<",
    bits: int | None = None,
    is_deflated: bool = False,
) -> bytes:
    """Write one strip.

    Args:
        pixels: Samples `[H, W]` or `[H, W, C]` of any kind; `[C, H, W]` if `tags` say that they are in planes.
        tags: By number, a number, several or bytes; None leaves out what would be written.
        order: `<` (II) or `>` (MM).
        bits: Of a sample; those that do not fill its bytes are packed.
        is_deflated: Whether the strip is compressed, after which Pillow reads it with libtiff.
    """
    is_in_planes = (tags or {}).get(PLANAR) == 2 and pixels.ndim == 3
    channels = 1 if pixels.ndim == 2 else pixels.shape[0 if is_in_planes else 2]
    height, width = pixels.shape[1:] if is_in_planes else pixels.shape[:2]
    bits = bits or (1 if pixels.dtype.kind == "b" else 8 * pixels.dtype.itemsize)
    strip = _pack(pixels, bits, order)
    all_tags: dict[int, Any] = {
        256: width,
        257: height,
        BITS: (bits,) * channels,
        COMPRESSION: _DEFLATE if is_deflated else 1,
        PHOTOMETRIC: 1 if channels == 1 else 2,
        SAMPLES: channels,
        278: height,
        SAMPLE_FORMAT: (_KINDS[pixels.dtype.kind],) * channels,
        **(tags or {}),
    }
    strips = np.split(np.frombuffer(strip, np.uint8), channels if is_in_planes else 1)
    return _file(all_tags, [zlib.compress(s.tobytes()) if is_deflated else s.tobytes() for s in strips], order)


def _pack(pixels: Pixels, bits: int, order: str) -> bytes:
    if bits % 8 == 0:
        return pixels.astype(f"{order}{pixels.dtype.str[1:]}").tobytes()
    rows = [[f"{int(value):0{bits}b}" for value in row.ravel()] for row in pixels]
    return b"".join(np.packbits([int(bit) for bit in "".join(row)]).tobytes() for row in rows)


def _file(tags: dict[int, Any], strips: list[bytes], order: str) -> bytes:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8)
    written = {number: value for number, value in tags.items() if value is not None}
    written |= {273: (0,) * len(strips), 279: tuple(map(len, strips))}
    at = 8 + 2 + 12 * len(written) + 4
    extra, places = b"", {}
    for number, value in written.items():
        size = len(_value(value, order)[2]) * (number != 273) or 4 * len(strips)
        if size > 4:
            places[number] = at + len(extra)
            extra += _value(value, order)[2] + b"\0" * (size % 2)
    first = at + len(extra)
    written[273] = tuple(first + sum(map(len, strips[:index])) for index in range(len(strips)))
    body = bytearray(extra)
    entries = b""
    for number, value in sorted(written.items()):
        kind, count, raw = _value(value, order)
        if number in places:
            body[places[number] - at : places[number] - at + len(raw)] = raw
            raw = struct.pack(f"{order}L", places[number])
        entries += struct.pack(f"{order}HHL", number, kind, count) + raw.ljust(4, b"\0")
    return head + struct.pack(f"{order}H", len(written)) + entries + bytes(4) + bytes(body) + b"".join(strips)


def _value(value: Any, order: str) -> tuple[int, int, bytes]:  # noqa: ANN401 - as in `tiff`
    if isinstance(value, bytes):
        return _BYTES, len(value), value
    numbers = value if isinstance(value, tuple) else (value,)
    kind, form = (_SHORT, "H") if max(numbers) < 2**16 and len(numbers) != 0 else (_LONG, "L")
    return kind, len(numbers), struct.pack(f"{order}{len(numbers)}{form}", *numbers)
