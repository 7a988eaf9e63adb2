"""What a DICOM file says of its pixels, checked before any of them is touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from breastseg.inference.dicom.tags import Tag
from breastseg.inference.raster import DecodeError

if TYPE_CHECKING:
    from breastseg.inference.dicom.elements import Elements

GREY = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
YBR = ("YBR_FULL", "YBR_FULL_422")
_SAMPLES = {**dict.fromkeys(GREY, 1), PALETTE: 1, "RGB": 3, **dict.fromkeys(YBR, 3)}
# these may be named in an error; anything else may be what a damaged file put there
_NOT_READ = ("HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "XYB")
_BITS_ALLOCATED = (8, 16)
_MOST_FRAMES = 2**31 - 1


@dataclass(frozen=True)
class Header:
    """The form of the pixels.

    Attributes:
        rows: Height in pixels.
        columns: Width in pixels.
        frames: Number of frames.
        photometric: What the samples mean: `MONOCHROME1`, `MONOCHROME2`, `PALETTE COLOR`, `RGB`, `YBR_FULL` or
            `YBR_FULL_422`.
        samples: Channels a pixel, 1 or 3.
        is_planar: Whether each channel is stored as a plane of its own.
        bits_allocated: Bits that a sample takes, 8 or 16.
        bits_stored: Bits of them that count.
        high_bit: The highest bit that counts, from 0.
        is_signed: Whether samples are two's complement.
    """

    rows: int
    columns: int
    frames: int
    photometric: str
    samples: int
    is_planar: bool
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool

    @classmethod
    def of(cls, elements: Elements) -> Self:
        """Read the header.

        Raises:
            DecodeError: Something is missing, impossible, or not read here.
        """
        photometric = _photometric(elements)
        samples = elements.short(Tag.SAMPLES)
        if samples != _SAMPLES[photometric]:
            raise DecodeError(f"is a DICOM file of {samples} samples a pixel, which does not fit {photometric}")
        header = cls(
            rows=elements.short(Tag.ROWS),
            columns=elements.short(Tag.COLUMNS),
            frames=_frames(elements),
            photometric=photometric,
            samples=samples,
            is_planar=samples > 1 and _flag(elements, Tag.PLANAR),
            bits_allocated=elements.short(Tag.BITS_ALLOCATED),
            bits_stored=elements.short(Tag.BITS_STORED),
            high_bit=elements.short(Tag.HIGH_BIT),
            is_signed=_flag(elements, Tag.SIGNED),
        )
        header.require_possible()
        return header

    @property
    def pixels(self) -> int:
        """The pixels of a frame."""
        return self.rows * self.columns

    @property
    def is_grey(self) -> bool:
        """Whether the samples are levels of grey."""
        return self.photometric in GREY

    @property
    def is_8_bit(self) -> bool:
        """Whether samples are bytes, of which every bit counts."""
        return self.bits_allocated == self.bits_stored == _BITS_ALLOCATED[0]

    def require_possible(self) -> None:
        """Raise a DecodeError if no image can be of this form, or it is not read here."""
        allocated, stored, high = self.bits_allocated, self.bits_stored, self.high_bit
        if not self.pixels:
            raise DecodeError(f"is a DICOM image of {self.columns} x {self.rows} pixels")
        if allocated not in _BITS_ALLOCATED:
            raise DecodeError(f"is a DICOM image of {allocated} bits a sample; 8 and 16 are read")
        if not 1 <= stored <= high + 1 <= allocated:
            raise DecodeError(f"is a DICOM image of {stored} bits up to bit {high} in {allocated}, which cannot be")
        if self.samples > 1 and self.is_signed:
            raise DecodeError("is a DICOM image of signed colours; unsigned ones are read")
        if self.photometric in YBR and not self.is_8_bit:
            raise DecodeError(f"is a DICOM image in {self.photometric} of {stored} of {allocated} bits, not 8 of 8")


def _photometric(elements: Elements) -> str:
    elements.raw(Tag.PHOTOMETRIC)
    photometric = elements.text(Tag.PHOTOMETRIC)
    if photometric in _NOT_READ:
        raise DecodeError(f"is a DICOM image in {photometric}; {', '.join(_SAMPLES)} are read")
    if photometric not in _SAMPLES:
        raise DecodeError(f"is a DICOM file with an unknown {Tag.PHOTOMETRIC}")
    return photometric


def _frames(elements: Elements) -> int:
    frames = elements.number(Tag.FRAMES)
    if frames is None:
        return 1
    if not (frames.is_integer() and 1 <= frames <= _MOST_FRAMES):
        raise DecodeError(f"is a DICOM file whose {Tag.FRAMES} is no number of frames")
    return int(frames)


def _flag(elements: Elements, tag: Tag) -> bool:
    value = elements.short(tag)
    if value > 1:
        raise DecodeError(f"is a DICOM file whose {tag} is {value}, which means nothing")
    return value == 1
