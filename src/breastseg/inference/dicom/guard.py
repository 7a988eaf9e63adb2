"""Keeps pydicom within bounds: quiet, in time, in memory, and with one kind of error.

A DICOM file is full of what must not get out: names, dates, numbers of patients. pydicom's errors, warnings and log
quote values, so none of its words is passed on. And files come from anybody, so compressed data sets are inflated up to
a limit, and reading stops after a number of steps that no honest image needs.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydicom.errors import BytesLengthException, InvalidDicomError

from breastseg.inference.raster import DecodeError, TooManyPixelsError

if TYPE_CHECKING:
    from collections.abc import Iterator

# both quote the file's values
logging.getLogger("pydicom").disabled = True
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")

READS = 50_000
# a pixel in the largest form that is read (three channels of 16 bits), and what is told beside the pixels
_BYTES_A_PIXEL, _OTHER_BYTES = 6, 2**20

# what pydicom is known to raise on damaged files; its warnings too where those are errors
_BROKEN = (
    struct.error,
    zlib.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
    Warning,
    BytesLengthException,
    InvalidDicomError,
)


class BoundedStream(io.BytesIO):
    """Bytes as a file that may be read from `READS` times.

    Some lying files make a parser build millions of empty items, or scan the rest of the file again and again.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any file does.

        Raises:
            DecodeError: It was read from too often.
        """
        self._left -= 1
        if self._left < 0:
            raise DecodeError("is a DICOM file of more elements than an image has")
        return super().read(size)


@contextmanager
def only_decode_errors() -> Iterator[None]:
    """Turn what pydicom raises on damaged files into a DecodeError without its words."""
    try:
        yield
    except DecodeError:
        raise
    except _BROKEN:
        raise DecodeError("is a damaged DICOM file") from None


def inflate(deflated: bytes, max_pixels: int) -> bytes:
    """Inflate a data set.

    Raises:
        DecodeError: It is cut off.
        TooManyPixelsError: It becomes larger than any image of `max_pixels` pixels.
    """
    limit = max_pixels * _BYTES_A_PIXEL + _OTHER_BYTES
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(deflated, limit)
    if inflater.eof:
        return data
    if len(data) < limit:
        raise DecodeError("is a deflated DICOM file that is cut off")
    raise TooManyPixelsError(f"inflates to more than an image of {max_pixels:,} pixels takes")
