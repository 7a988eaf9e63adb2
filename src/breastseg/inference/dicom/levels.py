"""Turns stored samples into levels 0..255, as DICOM says that grey is to be shown (PS3.3, C.11.1 and C.11.2).

Stored bits → modality (look-up table, or slope and intercept) → values of interest (look-up table, else the first
window) → inverted for MONOCHROME1. Without table and window, the full range that the stored bits can hold becomes
0..255, whatever the image makes of it: equal samples then give equal levels in every image, as in a 16-bit PNG.
Colour has neither; its stored bits are scaled by their full range.

All of it happens once for each word that a sample can be, not for each pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from breastseg.inference.dicom.tags import Tag
from breastseg.inference.raster import DecodeError

if TYPE_CHECKING:
    import numpy.typing as npt

    from breastseg.inference.dicom.elements import Elements
    from breastseg.inference.dicom.header import Header
    from breastseg.inference.raster import UInt8Image

    Numbers = npt.NDArray[np.float64]

# of an entry in a look-up table
_BYTE_BITS, _WORD_BITS = 8, 16

_PALETTE = (
    (Tag.RED_DESCRIPTOR, Tag.RED_DATA),
    (Tag.GREEN_DESCRIPTOR, Tag.GREEN_DATA),
    (Tag.BLUE_DESCRIPTOR, Tag.BLUE_DATA),
)


class Range(NamedTuple):
    """The values that samples can be, and the bounds of that."""

    values: Numbers
    low: float
    high: float

    def shares(self) -> Numbers:
        """Scale to 0..1."""
        return (self.values - self.low) / (self.high - self.low)


class LookUpTable(NamedTuple):
    """A table of DICOM: `entries[i]` for value `first + i`, the outer entries for what is beyond; at most `top`."""

    first: int
    entries: Numbers
    top: float

    @classmethod
    def of(cls, elements: Elements, descriptor: Tag, data: Tag, *, is_signed: bool) -> Self:
        """Read a table; `is_signed` says whether its first value is.

        Raises:
            DecodeError: It is missing or damaged.
        """
        count, first, bits = elements.shorts(descriptor, 3)
        count = count or 2**16
        entries: npt.NDArray[np.unsignedinteger] = elements.words(data)
        if bits == _BYTE_BITS and len(elements.raw(data)) == count + count % 2 and elements.little_endian:
            entries = entries.view(np.uint8)[:count]
        if len(entries) != count or not 1 <= bits <= _WORD_BITS:
            raise DecodeError(f"is a DICOM file whose {data} does not fit its descriptor")
        return cls(first - 2**16 if is_signed and first >= 2**15 else first, entries.astype(float), 2.0**bits - 1)

    def __call__(self, values: Numbers) -> Numbers:
        """Look values up."""
        places = np.rint(np.clip(values - self.first, 0, len(self.entries) - 1)).astype(int)
        entries: Numbers = np.minimum(self.entries[places], self.top)
        return entries


def grey_levels(elements: Elements, header: Header) -> UInt8Image:
    """Return the level of every word that a sample of grey can be: uint8 `[2 ** bits_allocated]`.

    Raises:
        DecodeError: Tables, window or slope are damaged or not read here, or make one level of all.
    """
    if Tag.SHARED_GROUPS in elements or Tag.FRAME_GROUPS in elements:
        raise DecodeError("is an enhanced DICOM file, which tells in functional groups how its grey is shown; not read")
    with np.errstate(over="ignore"):
        shares = np.clip(_values_of_interest(elements, _modality(elements, header)), 0, 1)
    levels = _to_levels(1 - shares if header.photometric == "MONOCHROME1" else shares)
    # what is blank for itself is an image; where nothing could be told from anything, an answer would mean nothing
    if levels.min() == levels.max():
        raise DecodeError("is a DICOM file whose window or look-up table shows all that a sample can be as one level")
    return levels


def colour_levels(header: Header) -> UInt8Image:
    """Return the level of every word that a sample of colour can be: uint8 `[2 ** bits_allocated]`."""
    return _to_levels(_stored(header).shares())


def palette(elements: Elements, header: Header) -> UInt8Image:
    """Return the colour of every word that a sample can be: uint8 `[2 ** bits_allocated, 3]`.

    Raises:
        DecodeError: The palette is missing or damaged.
    """
    values = _stored(header).values
    tables = [LookUpTable.of(elements, *tags, is_signed=header.is_signed) for tags in _PALETTE]
    return _to_levels(np.stack([table(values) / table.top for table in tables], axis=1))


def _to_levels(shares: Numbers) -> UInt8Image:
    return np.rint(shares * 255).astype(np.uint8)


def _stored(header: Header) -> Range:
    """Cut the bits that count out of every word that a sample can be."""
    half = 2 ** (header.bits_stored - 1)
    words = np.arange(2**header.bits_allocated)
    values = words >> (header.high_bit + 1 - header.bits_stored) & (2 * half - 1)
    if header.is_signed:
        return Range(((values ^ half) - half).astype(float), -half, half - 1)
    return Range(values.astype(float), 0, 2 * half - 1)


def _modality(elements: Elements, header: Header) -> Range:
    stored = _stored(header)
    if item := elements.first_item(Tag.MODALITY_LUT):
        table = LookUpTable.of(item, Tag.LUT_DESCRIPTOR, Tag.LUT_DATA, is_signed=header.is_signed)
        return Range(table(stored.values), 0, table.top)
    slope, intercept = elements.number(Tag.SLOPE), elements.number(Tag.INTERCEPT) or 0
    slope = 1 if slope is None else slope
    bounds = stored.low * slope + intercept, stored.high * slope + intercept
    if bounds[0] == bounds[1]:
        raise DecodeError(f"is a DICOM file whose {Tag.SLOPE} is 0, or too small beside {Tag.INTERCEPT}")
    return Range(stored.values * slope + intercept, min(bounds), max(bounds))


def _values_of_interest(elements: Elements, of_modality: Range) -> Numbers:
    """Scale values to 0..1 where they are of interest, to outside of it where not."""
    if item := elements.first_item(Tag.VOI_LUT):
        table = LookUpTable.of(item, Tag.LUT_DESCRIPTOR, Tag.LUT_DATA, is_signed=of_modality.low < 0)
        return table(of_modality.values) / table.top
    centre, width = elements.number(Tag.WINDOW_CENTER), elements.number(Tag.WINDOW_WIDTH)
    if centre is None and width is None:
        return of_modality.shares()
    if centre is None or width is None:
        raise DecodeError(f"is a DICOM file with only one of {Tag.WINDOW_CENTER} and {Tag.WINDOW_WIDTH}")
    return _window(of_modality.values, centre, width, elements.text(Tag.VOI_FUNCTION) or "LINEAR")


def _window(values: Numbers, centre: float, width: float, function: str) -> Numbers:
    if width <= 0 or (function == "LINEAR" and width < 1):
        raise DecodeError(f"is a DICOM file whose {Tag.WINDOW_WIDTH} is too small")
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - centre) / width))
    if function == "LINEAR_EXACT":
        return (values - centre) / width + 0.5
    if function != "LINEAR":
        raise DecodeError(f"is a DICOM file with an unknown {Tag.VOI_FUNCTION}")
    if width == 1:
        return np.where(values > centre - 0.5, 1.0, 0.0)
    return (values - (centre - 0.5)) / (width - 1) + 0.5
