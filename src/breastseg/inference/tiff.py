"""Header of a TIFF file: the form of its samples, and the tags that change them.

Pillow turns a picture by its orientation, inverts WhiteIsZero at some depths only, and takes other forms for ones that
it knows. Here the first directory is read, what would be misread is refused, and the tags that ask for a change are
set to "as stored", so that nothing but the samples themselves is left to be decoded.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from breastseg.errors import BreastsegError

_MARKS = (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+")
# an image has some dozens
_MOST_ENTRIES = 4096
# Pillow goes through strips and tiles one by one; programs write some hundreds, or one for each row
_MOST_PARTS = 20_000
# the largest palette, of 16 bits
_MOST_VALUES = 3 * 2**16
# whole numbers by their type in a directory; of others, none of the tags below may be
_NUMBERS = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 16: "Q", 17: "q"}
_ORIENTATION_IN_XMP, _HIDDEN = b"tiff:Orientation", b"tiff:orientation"

_NONE, _OLD_JPEG = 1, 6
_INTERLEAVED, _IN_PLANES = 1, 2
_PREMULTIPLIED = 1
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_KINDS = {_UNSIGNED: "unsigned integers", _SIGNED: "signed integers", _FLOAT: "floats"}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_PHOTOMETRICS = {
    _WHITE_IS_ZERO: "WhiteIsZero",
    _BLACK_IS_ZERO: "BlackIsZero",
    _RGB: "RGB",
    _PALETTE: "palette colour",
    4: "a transparency mask",
    _CMYK: "CMYK",
    _YCBCR: "YCbCr",
    _LAB: "CIE L*a*b*",
    9: "ICC L*a*b*",
    10: "ITU L*a*b*",
    32803: "a colour filter array",
    34892: "linear raw",
}
_GREY = ((_UNSIGNED, (1, 2, 4, 8, 12, 16, 32)), (_SIGNED, (8, 16, 32)), (_FLOAT, (32,)))
# the depths at which each colour space is read
_FORMS: dict[int, frozenset[tuple[int, int]]] = {
    _WHITE_IS_ZERO: frozenset((kind, bits) for kind, depths in _GREY for bits in depths),
    _BLACK_IS_ZERO: frozenset((kind, bits) for kind, depths in _GREY for bits in depths),
    _RGB: frozenset({(_UNSIGNED, 8), (_UNSIGNED, 16)}),
    _PALETTE: frozenset((_UNSIGNED, bits) for bits in (1, 2, 4, 8)),
    _CMYK: frozenset({(_UNSIGNED, 8), (_UNSIGNED, 16)}),
    _YCBCR: frozenset({(_UNSIGNED, 8)}),
    _LAB: frozenset({(_UNSIGNED, 8)}),
}
_BYTE_BITS, _WORD_BITS = 8, 16
_WAY_OUT = "save it with 8 or 16 bits a pixel, black as 0, or as PNG"


class TiffError(BreastsegError):
    """The file is damaged, or of a form that would be misread; a phrase that follows a file name."""


class _Tag(IntEnum):
    """The tags that are read."""

    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    STRIPS = 273
    ORIENTATION = 274
    SAMPLES = 277
    PLANAR = 284
    COLOUR_MAP = 320
    TILES = 324
    EXTRA = 338
    SAMPLE_FORMAT = 339
    SUBSAMPLING = 530
    XMP = 700


@dataclass(frozen=True)
class _Entry:
    """Where the values of a tag stand."""

    kind: int
    count: int
    place: int


class _Directory:
    """The first directory of a file, of which only the tags above are kept."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order = "<" if data.startswith(b"II") else ">"
        self._is_big = b"+" in data[2:4]
        self._entries: dict[_Tag, _Entry] = {}
        (at,) = self._unpack("Q" if self._is_big else "L", 8 if self._is_big else 4)
        (count,) = self._unpack("Q" if self._is_big else "H", at)
        if count > _MOST_ENTRIES:
            raise TiffError(f"is a damaged TIFF file of {count:,} tags")
        first, size = (at + 8, 20) if self._is_big else (at + 2, 12)
        for place in range(first, first + count * size, size):
            self._add(place)

    def _unpack(self, form: str, place: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self._order + form, self._data, place)
        except struct.error:
            raise TiffError("is a damaged TIFF file, or cut off") from None

    def _add(self, place: int) -> None:
        number, kind = self._unpack("HH", place)
        if number not in _Tag.__members__.values():
            return
        tag = _Tag(number)
        if tag in self._entries:
            raise TiffError(f"is a damaged TIFF file, whose tag {tag.name} is there twice")
        wide, inside = ("Q", 8) if self._is_big else ("L", 4)
        (count,) = self._unpack(wide, place + 4)
        values = place + 4 + inside
        if count * struct.calcsize("=" + _NUMBERS.get(kind, "B")) > inside:
            (values,) = self._unpack(wide, values)
        self._entries[tag] = _Entry(kind, count, values)

    def __contains__(self, tag: _Tag) -> bool:
        return tag in self._entries

    def count(self, tag: _Tag) -> int:
        """Return how many values a tag has; 0 where it is not there."""
        return self._entries[tag].count if tag in self._entries else 0

    def numbers(self, tag: _Tag, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return the values of a tag, at least one."""
        if tag not in self._entries:
            return default
        entry = self._entries[tag]
        if entry.kind not in _NUMBERS or not 1 <= entry.count <= _MOST_VALUES:
            raise TiffError(f"is a damaged TIFF file, whose tag {tag.name} is not a number")
        return self._unpack(f"{entry.count}{_NUMBERS[entry.kind]}", entry.place)

    def number(self, tag: _Tag, default: int) -> int:
        """Return the first value of a tag."""
        return self.numbers(tag, (default,))[0]

    def set_first(self, target: bytearray, tag: _Tag, value: int) -> None:
        """Change the first value of a tag, if the file has it, in a copy of the file."""
        if tag in self._entries:
            entry = self._entries[tag]
            struct.pack_into(self._order + _NUMBERS[entry.kind], target, entry.place, value)

    def hide_orientation_in_xmp(self, target: bytearray) -> None:
        """Rename what Pillow looks for in a text that cameras and editors add."""
        if _Tag.XMP in self._entries:
            entry = self._entries[_Tag.XMP]
            span = slice(entry.place, entry.place + entry.count)
            target[span] = target[span].replace(_ORIENTATION_IN_XMP, _HIDDEN)


@dataclass(frozen=True)
class TiffForm:
    """The form of the samples.

    Attributes:
        bits: Bits a sample.
        is_signed: Whether samples are two's complement.
        is_inverted: Whether 0 is white.
    """

    bits: int
    is_signed: bool
    is_inverted: bool

    @property
    def full(self) -> int:
        """What becomes white, of whole numbers; signed ones, and those of more bits, count as unsigned ones of 16."""
        return (1 << (_WORD_BITS if self.is_signed else min(self.bits, _WORD_BITS))) - 1

    @classmethod
    def read(cls, data: bytes) -> tuple[Self, bytes]:
        """Read the header of a file that `is_tiff`.

        Returns:
            The form of its samples; and the file with every tag that asks for a change of them set to "as stored".

        Raises:
            TiffError: The directory is damaged, or the samples would be misread.
        """
        directory = _Directory(data)
        _require_few_parts(directory)
        photometric = _photometric(directory)
        kind, bits = _sample(directory, photometric)
        is_inverted = photometric == _WHITE_IS_ZERO
        if is_inverted:
            _require_known_white(directory, kind, bits)
        _require_arrangement(directory, photometric, bits)
        stored = bytearray(data)
        directory.numbers(_Tag.ORIENTATION, (1,))
        directory.set_first(stored, _Tag.ORIENTATION, 1)
        directory.hide_orientation_in_xmp(stored)
        if is_inverted:
            directory.set_first(stored, _Tag.PHOTOMETRIC, _BLACK_IS_ZERO)
        if directory.number(_Tag.SAMPLES, 1) == 1:
            directory.set_first(stored, _Tag.PLANAR, _INTERLEAVED)
        return cls(bits, kind == _SIGNED, is_inverted), bytes(stored)


def is_tiff(data: bytes) -> bool:
    """Say whether a file begins as a TIFF file does."""
    return data.startswith(_MARKS)


def _require_few_parts(directory: _Directory) -> None:
    parts = max(directory.count(tag) for tag in (_Tag.STRIPS, _Tag.TILES))
    if parts > _MOST_PARTS:
        raise TiffError(
            f"has {parts:,} strips or tiles, more than {_MOST_PARTS:,}; save it with larger ones, or as PNG"
        )


def _photometric(directory: _Directory) -> int:
    # JPEG of the old kind is always YCbCr
    default = _YCBCR if directory.number(_Tag.COMPRESSION, _NONE) == _OLD_JPEG else -1
    photometric = directory.number(_Tag.PHOTOMETRIC, default)
    if photometric == -1:
        raise TiffError(f"is a TIFF file that does not say whether 0 is black or white; {_WAY_OUT}")
    if photometric not in _FORMS:
        name = _PHOTOMETRICS.get(photometric, f"the unknown colour space {photometric}")
        raise TiffError(f"is a TIFF file in {name}, which is not read; save it as RGB or grey")
    return photometric


def _sample(directory: _Directory, photometric: int) -> tuple[int, int]:
    """Return kind and bits of a sample."""
    depths = set(directory.numbers(_Tag.BITS, (1,)))
    kinds = set(directory.numbers(_Tag.SAMPLE_FORMAT, (_UNSIGNED,)))
    if len(depths) > 1 or len(kinds) > 1:
        raise TiffError(f"is a TIFF file whose channels have different depths, which is not read; {_WAY_OUT}")
    kind, bits = kinds.pop(), depths.pop()
    if (kind, bits) not in _FORMS[photometric]:
        name = f"{bits}-bit {_KINDS.get(kind, 'samples of an unknown kind')} in {_PHOTOMETRICS[photometric]}"
        raise TiffError(f"is a TIFF file of {name}, which are not read; {_WAY_OUT}")
    return kind, bits


def _require_known_white(directory: _Directory, kind: int, bits: int) -> None:
    """Of whole numbers beyond the unsigned ones of 16 bits, only those that are there show how far they go."""
    if kind == _SIGNED or (kind == _UNSIGNED and bits > _WORD_BITS):
        name = f"{bits}-bit {_KINDS[kind]} in WhiteIsZero"
        raise TiffError(f"is a TIFF file of {name}, whose black is unknown; {_WAY_OUT}")
    if directory.number(_Tag.SAMPLES, 1) > 1:
        raise TiffError(f"is a TIFF file in WhiteIsZero of several channels, which is not read; {_WAY_OUT}")


def _require_arrangement(directory: _Directory, photometric: int, bits: int) -> None:
    is_plain = directory.number(_Tag.COMPRESSION, _NONE) == _NONE
    if photometric == _PALETTE and 0 < max(directory.numbers(_Tag.COLOUR_MAP, (0,))) < 2**_BYTE_BITS:
        raise TiffError("is a TIFF file whose palette is of 8 bits, where it has to be of 16; save it as RGB")
    if photometric == _YCBCR and is_plain and directory.numbers(_Tag.SUBSAMPLING, (2, 2)) != (1, 1):
        raise TiffError("is a TIFF file in uncompressed YCbCr with shared colours, which is not read; save it as RGB")
    is_in_planes = directory.number(_Tag.PLANAR, _INTERLEAVED) == _IN_PLANES
    if is_in_planes and directory.number(_Tag.SAMPLES, 1) > 1 and not _planes_are_read(directory, photometric, bits):
        raise TiffError("is a TIFF file in planes that are not read; save it with the channels side by side")


def _planes_are_read(directory: _Directory, photometric: int, bits: int) -> bool:
    is_premultiplied = _PREMULTIPLIED in directory.numbers(_Tag.EXTRA, (0,))
    return photometric in {_RGB, _CMYK} and bits == _BYTE_BITS and not is_premultiplied
