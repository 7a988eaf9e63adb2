"""Finds the few elements of a DICOM file that an image needs, whatever else the file holds or claims."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Self

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset, read_sequence_item
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from breastseg.inference.dicom.guard import BoundedStream, inflate, only_decode_errors
from breastseg.inference.dicom.tags import Tag
from breastseg.inference.raster import DecodeError

if TYPE_CHECKING:
    import numpy.typing as npt
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

_PREFIX_END = 132
_META_GROUP = 2
# no quantity of an image is larger; far above it, products would overflow
_LARGEST_NUMBER = 1e15


class Elements:
    """The elements of an image, or of an item in it; values are read as they are needed.

    Attributes:
        little_endian: The order of bytes in its values.
    """

    def __init__(self, dataset: Dataset, *, little_endian: bool) -> None:
        # as stored: a dataset itself converts a value when it is asked for it, and may fail at that
        self._stored = dict(dataset.items())
        self.little_endian = little_endian

    @classmethod
    def read(cls, data: bytes, max_pixels: int) -> tuple[str, Self]:
        """Read a whole file, up to its pixels.

        Returns:
            The UID of the transfer syntax, and the elements.

        Raises:
            DecodeError: The file is damaged.
            TooManyPixelsError: Inflated, it is larger than any image of `max_pixels` pixels.
        """
        with only_decode_errors():
            stream = BoundedStream(data)
            stream.seek(_PREFIX_END)
            syntax = _read_syntax(stream)
            if syntax == DeflatedExplicitVRLittleEndian:
                stream = BoundedStream(inflate(data[stream.tell() :], max_pixels))
            return syntax, cls._read_dataset(stream, syntax)

    @classmethod
    def _read_dataset(cls, stream: BoundedStream, syntax: str) -> Self:
        little_endian = syntax != ExplicitVRBigEndian
        dataset = read_dataset(
            stream,
            is_implicit_VR=syntax == ImplicitVRLittleEndian,
            is_little_endian=little_endian,
            stop_when=lambda tag, _vr, _length: tag > Tag.PIXELS,
            specific_tags=list(Tag),
        )
        return cls(dataset, little_endian=little_endian)

    def __contains__(self, tag: Tag) -> bool:
        return tag in self._stored

    def raw(self, tag: Tag) -> bytes:
        """Return the bytes of an element.

        Raises:
            DecodeError: It is missing, or no plain value.
        """
        if tag not in self:
            raise DecodeError(f"is a DICOM file without {tag}, or cut off before it")
        value = self._stored[BaseTag(tag)].value
        if value is not None and not isinstance(value, bytes):
            raise DecodeError(f"is a DICOM file with a damaged {tag}")
        return value or b""

    def is_in_words(self, tag: Tag) -> bool:
        """Say whether the element is a string of 16-bit words, by its type."""
        return self._stored[BaseTag(tag)].VR == "OW"

    def shorts(self, tag: Tag, count: int) -> tuple[int, ...]:
        """Return `count` unsigned 16-bit numbers, 0 to 65535.

        Raises:
            DecodeError: The element is missing or of another length.
        """
        raw = self.raw(tag)
        if len(raw) != 2 * count:
            raise DecodeError(f"is a DICOM file whose {tag} has a wrong length")
        return struct.unpack(f"{'<' if self.little_endian else '>'}{count}H", raw)

    def short(self, tag: Tag) -> int:
        """Return an unsigned 16-bit number.

        Raises:
            DecodeError: The element is missing or of another length.
        """
        return self.shorts(tag, 1)[0]

    def words(self, tag: Tag) -> npt.NDArray[np.uint16]:
        """Return the element as uint16 `[N]`.

        Raises:
            DecodeError: The element is missing.
        """
        raw = self.raw(tag)
        words = np.frombuffer(raw[: len(raw) // 2 * 2], "<u2" if self.little_endian else ">u2")
        return words.astype(np.uint16)

    def number(self, tag: Tag) -> float | None:
        """Return the first of the numbers that an element holds as text; None if it holds none, or is missing.

        Raises:
            DecodeError: It is no number.
        """
        text = self.text(tag)
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not abs(number) <= _LARGEST_NUMBER:
            raise DecodeError(f"is a DICOM file whose {tag} is no number")
        return number

    def text(self, tag: Tag) -> str:
        """Return the first text that an element holds; empty if it holds none, or is missing."""
        return _first_text(self.raw(tag)) if tag in self else ""

    def first_item(self, tag: Tag) -> Self | None:
        """Return the first item of a sequence; None if it has none, or is missing.

        Raises:
            DecodeError: It is damaged.
        """
        if tag not in self:
            return None
        with only_decode_errors():
            item = self._item(self._stored[BaseTag(tag)])
        return None if item is None else type(self)(item, little_endian=self.little_endian)

    def _item(self, element: DataElement | RawDataElement) -> Dataset | None:
        if isinstance(element, RawDataElement):
            # its length was given, so it was not looked into yet
            stream = BoundedStream(element.value or b"")
            return read_sequence_item(stream, element.is_implicit_VR, self.little_endian, []) if element.value else None
        return element.value[0] if isinstance(element.value, Sequence) and element.value else None


def _read_syntax(stream: BoundedStream) -> str:
    # whatever the file's transfer syntax, this group tells types and is little-endian
    meta = read_dataset(
        stream,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag >> 16 != _META_GROUP,
        specific_tags=[Tag.SYNTAX],
    )
    syntax = Elements(meta, little_endian=True).text(Tag.SYNTAX)
    if not syntax:
        raise DecodeError(f"is a DICOM file without {Tag.SYNTAX}, or cut off before it")
    return syntax


def _first_text(value: object) -> str:
    raw = value if isinstance(value, bytes) else b""
    return raw.decode("latin-1").split("\\")[0].strip(" \0")
