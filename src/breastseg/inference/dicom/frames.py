"""Takes one frame's samples out of the pixel data: uncompressed, run-length encoded, or JPEG of 8 bits."""

from __future__ import annotations

import io
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from pydicom.config import IGNORE
from pydicom.encaps import get_frame, parse_basic_offsets, parse_fragments
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
)

from breastseg.inference.dicom.guard import BoundedStream, only_decode_errors
from breastseg.inference.dicom.header import YBR
from breastseg.inference.dicom.tags import Tag
from breastseg.inference.raster import DAMAGE, DecodeError, check_scans

if TYPE_CHECKING:
    import numpy.typing as npt

    from breastseg.inference.dicom.elements import Elements
    from breastseg.inference.dicom.header import Header

    Samples = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)
JPEG = (JPEGBaseline8Bit, JPEGExtended12Bit)
_BYTE_BITS = 8
_RLE_HEADER = struct.Struct("<16L")
_JPEG_SCAN, _JPEG_END = b"\xff\xda", b"\xff\xd9"
# components named by these letters are no YCbCr
_RGB_IDS = ([82, 71, 66], [114, 103, 98])


def require_known_syntax(syntax: str) -> None:
    """Raise a DecodeError that names the transfer syntax, if its pixels cannot be read."""
    if syntax in (*NATIVE, *JPEG, RLELossless):
        return
    uid = UID(syntax, validation_mode=IGNORE)
    # any other text may be what a damaged file put there
    name = uid.name if uid.type == "Transfer Syntax" else "unknown to DICOM"
    raise DecodeError(
        f"is a DICOM file whose transfer syntax is {name}, which is not read; save it uncompressed, "
        "as RLE Lossless or as JPEG Baseline"
    )


def read_frame(elements: Elements, syntax: str, header: Header, index: int) -> Samples:
    """Return the samples of one frame.

    Args:
        elements: The image's elements.
        syntax: The UID of its transfer syntax, one that `require_known_syntax` knows.
        header: The form of the pixels.
        index: The frame, from 0.

    Returns:
        uint8 or uint16 `[rows, columns]`, or `[rows, columns, 3]`, in RGB; unused bits are as stored.

    Raises:
        DecodeError: The pixels are cut off or damaged, or do not fit the header.
    """
    if syntax in NATIVE:
        samples = _native(elements, header, index)
    elif syntax in JPEG:
        return _jpeg(_encapsulated(elements, header, index, is_one_each=False), header)
    else:
        samples = _run_lengths(_encapsulated(elements, header, index, is_one_each=True), header)
    return _to_rgb(samples) if header.photometric in YBR else samples


def _native(elements: Elements, header: Header, index: int) -> Samples:
    raw = _in_order(elements, header)
    is_halved = header.photometric == "YBR_FULL_422"
    if is_halved and (header.columns % 2 or header.is_planar):
        raise DecodeError("is a DICOM image in YBR_FULL_422 of an odd width or in planes, which cannot be")
    width = header.bits_allocated // 8
    count = header.pixels * (2 if is_halved else header.samples)
    _require_length(raw, count * width * header.frames)
    order = "<" if elements.little_endian else ">"
    samples = np.frombuffer(raw, f"{order}u{width}", count, index * count * width)
    samples = samples.astype(np.uint8 if width == 1 else np.uint16, copy=False)
    return _unpack_422(samples, header) if is_halved else _arrange(samples, header)


def _in_order(elements: Elements, header: Header) -> bytes:
    """Return the bytes of all pixels; of big-endian words that hold two samples each, the lower byte comes first."""
    raw = elements.raw(Tag.PIXELS)
    if header.bits_allocated > _BYTE_BITS or elements.little_endian or not elements.is_in_words(Tag.PIXELS):
        return raw
    if len(raw) % 2:
        raise DecodeError("is a DICOM file of 16-bit words of pixels in an odd number of bytes; export it again")
    return np.frombuffer(raw, np.uint16).byteswap().tobytes()


def _require_length(raw: bytes, needed: int) -> None:
    """Raise a DecodeError unless there are as many bytes as needed, and behind them only zeros (PS3.5, 8.1.1)."""
    counts = f"is a DICOM file of {len(raw):,} bytes of pixels, where its header speaks of {needed:,}"
    if len(raw) < needed:
        raise DecodeError(f"{counts}; export it again")
    if raw.count(0, needed) < len(raw) - needed:
        raise DecodeError(f"{counts}, and those behind are not all zeros, as padding is; export it again")


def _arrange(samples: Samples, header: Header) -> Samples:
    if header.samples == 1:
        return samples.reshape(header.rows, header.columns)
    if header.is_planar:
        return samples.reshape(header.samples, header.rows, header.columns).transpose(1, 2, 0)
    return samples.reshape(header.rows, header.columns, header.samples)


def _unpack_422(samples: Samples, header: Header) -> Samples:
    """Give both of two neighbours the colour that they share: Y Y Cb Cr."""
    pairs = samples.reshape(header.rows, header.columns // 2, 4)
    image = np.empty((header.rows, header.columns, 3), samples.dtype)
    image[..., 0] = pairs[..., :2].reshape(header.rows, header.columns)
    image[..., 1:] = np.repeat(pairs[..., 2:], 2, axis=1)
    return image


def _encapsulated(elements: Elements, header: Header, index: int, *, is_one_each: bool) -> bytes:
    """Return the bytes of a frame; `is_one_each` says that a frame is one fragment, never several."""
    has_offsets = Tag.OFFSETS in elements and Tag.OFFSET_LENGTHS in elements
    offsets = (elements.raw(Tag.OFFSETS), elements.raw(Tag.OFFSET_LENGTHS)) if has_offsets else None
    raw = elements.raw(Tag.PIXELS)
    with only_decode_errors():
        _require_all_counted(raw, header, is_one_each=is_one_each)
        stream = BoundedStream(raw)
        return get_frame(stream, index, number_of_frames=header.frames, extended_offsets=offsets)


def _require_all_counted(raw: bytes, header: Header, *, is_one_each: bool) -> None:
    """Raise a DecodeError if the table of offsets, or the fragments, show other frames than the header counts."""
    stream = BoundedStream(raw)
    count = len(parse_basic_offsets(stream))
    if not count and is_one_each:
        count, _ = parse_fragments(stream)
    if count not in (0, header.frames):
        what = f"is a DICOM file of {count:,} compressed frames, where its header speaks of {header.frames:,}"
        raise DecodeError(f"{what}; export it again")


def _run_lengths(frame: bytes, header: Header) -> Samples:
    """Decode RLE Lossless (PS3.5, annex G): a segment for each byte of each sample, the highest byte first."""
    if len(frame) < _RLE_HEADER.size:
        raise DecodeError("is a DICOM file whose run-length encoded pixels are cut off")
    count, *starts = _RLE_HEADER.unpack_from(frame)
    width = header.bits_allocated // 8
    if count != header.samples * width:
        raise DecodeError(f"is a DICOM file of {count} run-length encoded segments, not {header.samples * width}")
    bounds = pairwise([*starts[:count], len(frame)])
    segments = [_unpack_bits(frame[start:end], header.pixels) for start, end in bounds]
    # bytes of a sample side by side, so that they can be read as one number
    samples = np.stack(segments).reshape(header.samples, width, header.rows, header.columns).transpose(2, 3, 0, 1)
    words = np.ascontiguousarray(samples).view(f">u{width}")[..., 0].astype(f"u{width}", copy=False)
    return words[..., 0] if header.samples == 1 else words


def _unpack_bits(segment: bytes, length: int) -> npt.NDArray[np.uint8]:
    # Pillow's decoder for TIFF stops at the length, which no run can push it over
    try:
        return np.asarray(Image.frombytes("L", (length, 1), segment, "packbits", "L"), dtype=np.uint8)
    except DAMAGE:
        raise DecodeError("is a DICOM file whose run-length encoded pixels are cut off") from None


def _jpeg(frame: bytes, header: Header) -> Samples:
    if not header.is_8_bit:
        raise DecodeError(f"is a DICOM file of JPEGs of {header.bits_stored} bits; 8 of 8 are read")
    try:
        with Image.open(io.BytesIO(frame), formats=("JPEG",)) as image:
            _require_fitting(image, header)
            check_scans(image, frame)
            _require_end(frame)
            return _jpeg_samples(image, header)
    except (*DAMAGE, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DecodeError("is a DICOM file whose JPEG is damaged or cut off") from None


def _require_fitting(image: Image.Image, header: Header) -> None:
    if image.size != (header.columns, header.rows):
        raise DecodeError(
            f"is a DICOM file whose JPEG has {image.width} x {image.height} pixels, "
            f"where its header speaks of {header.columns} x {header.rows}"
        )
    if image.mode != ("L" if header.samples == 1 else "RGB"):
        raise DecodeError(f"is a DICOM file whose JPEG does not have {header.samples} samples a pixel")


def _require_end(frame: bytes) -> None:
    """Raise a DecodeError if there is more than padding behind a JPEG: another image would be lost unseen."""
    at = 2
    # whole segments, for a thumbnail in one of them ends as an image does
    while frame[at : at + 1] == b"\xff" and not frame.startswith(_JPEG_SCAN, at):
        at += 2 + int.from_bytes(frame[at + 2 : at + 4])
    _, _, behind = frame[at:].partition(_JPEG_END)
    if behind.strip(b"\0\xff"):
        what = "more than padding behind a frame's JPEG, such as a frame that its header does not count"
        raise DecodeError(f"is a DICOM file with {what}")


def _jpeg_samples(image: Image.Image, header: Header) -> Samples:
    # without a word on colours in it, a JPEG is taken for YCbCr, and the header knows better
    layers = [layer[0] for layer in getattr(image, "layer", [])]
    if header.photometric == "RGB" and not {"adobe", "jfif"} & image.info.keys() and layers not in _RGB_IDS:
        # handed out as is, by asking for what it is taken for
        image.draft("YCbCr", None)
    return np.asarray(image)


def _to_rgb(ybr: Samples) -> Samples:
    rows, columns = ybr.shape[:2]
    image = Image.frombuffer("YCbCr", (columns, rows), ybr.tobytes(), "raw", "YCbCr", 0, 1)
    return np.asarray(image.convert("RGB"))
