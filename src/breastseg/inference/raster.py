"""Turns the bytes of a PNG, JPEG, BMP, TIFF or WebP file into pixels, the same way everywhere.

What is decided here, once:

- The first frame counts, of animations and multi-page files.
- Pixels are taken as stored: no orientation is applied, of EXIF, TIFF or XMP, because a mask beside the image has none.
- Transparency is composited over black, the background of ultrasound. Opaque files lose nothing by it.
- Grey and colour of 9 to 16 bits are scaled by the full range of their bits, 65535 becoming 255; what is above 0 stays
  above 0, so that a 16-bit mask of zeros and ones is not lost. Floats count as 0..1. Signed integers count as unsigned
  ones of 16 bits. Negative values, integers beyond 16 bits and floats beyond 1 are refused, since their range is
  anybody's guess.
- Where a TIFF file says that 0 is white, it is inverted, at every depth.
- Three equal channels are grey.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError

from breastseg.errors import BreastsegError
from breastseg.inference.samples import is_premultiplied, is_wide_colour, raw_form, read_wide, use_machine_order
from breastseg.inference.structure import structure_fault
from breastseg.inference.tiff import TiffError, TiffForm, is_tiff

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
MAX_PIXELS = 50_000_000
# what JPEG and DICOM can hold; a picture of millions of rows costs far more than its pixels
MAX_SIDE = 65_535

_FULL = 65_535
_MOST_SIGNED = 127
_GREY_AND_OPACITY = 2
# samples
_BLOCK = 2**22
_SAVE = "save it with 8 or 16 bits a pixel"

# of a PNG file: where the first block's name stands, and in it the bits of a sample; those that Pillow scales to 0..255
_PNG_NAME, _PNG_BITS, _PNG_SCALED = slice(12, 16), 24, (2, 4)

UInt8Image = npt.NDArray[np.uint8]

# Pillow only warns of images somewhat above its own limit. Nothing here may expand such a file.
warnings.simplefilter("error", Image.DecompressionBombWarning)

# Each scan of a JPEG file goes over the whole image again, and a scan may take no more than a few bytes: cameras write
# about 10, and libtiff takes no more than this either.
MAX_SCANS = 100
_SCAN = b"\xff\xda"

# Of pages in black and white. Where their data are damaged, libtiff makes up pixels and writes a line for each row.
_FAX = frozenset({"tiff_ccitt", "group3", "group4"})

# what Pillow's readers are known to raise on damaged files
DAMAGE = (
    AssertionError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
)


class DecodeError(BreastsegError):
    """The bytes are no image that can be read; the text says why, as a phrase that follows a file name."""


class TooManyPixelsError(DecodeError):
    """The image is larger than the caller takes; nothing of it was decoded but its header."""


def decode_raster(data: bytes, *, max_pixels: int = MAX_PIXELS) -> UInt8Image:
    """Decode a PNG, JPEG, BMP, TIFF or WebP file.

    Args:
        data: The whole file.
        max_pixels: Most pixels that are taken, height times width; at most `MAX_PIXELS`.

    Returns:
        uint8 `[H, W]` (grey) or `[H, W, 3]` (RGB), 0..255; 1-bit files give 0 and 255.

    Raises:
        DecodeError: The bytes are empty, of another format, damaged, hold values of an unknown range, or are a TIFF
            file in a fax compression or of a form that would be misread.
        TooManyPixelsError: Height times width is above `max_pixels`, or one of them above `MAX_SIDE`, told from the
            header before a pixel is decoded.
    """
    if not data:
        raise DecodeError("is empty")
    if fault := structure_fault(data):
        raise DecodeError(fault)
    try:
        form, data = TiffForm.read(data) if is_tiff(data) else (None, data)
        with _open(data) as image:
            _check_size(image, max_pixels)
            check_scans(image, data)
            _check_compression(image)
            return _to_array(image, data, form)
    except TiffError as error:
        raise DecodeError(str(error)) from error
    except UnidentifiedImageError as error:
        raise DecodeError(_unidentified(data)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixelsError(f"has more than {max_pixels:,} pixels") from error
    except DAMAGE as error:
        raise DecodeError(f"is damaged or cut off ({error})") from error


def _open(data: bytes) -> ImageFile.ImageFile:
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _unidentified(data: bytes) -> str:
    if is_tiff(data):
        return "is a TIFF file of a form that is not read, or its header is damaged; save it as PNG"
    return f"is no {', '.join(FORMATS)} or DICOM image, or its header is damaged"


def _check_size(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise TooManyPixelsError(f"has {image.width} x {image.height} pixels, more than {max_pixels:,}")
    if max(image.size) > MAX_SIDE:
        raise TooManyPixelsError(f"has {image.width} x {image.height} pixels, a side of more than {MAX_SIDE:,}")


def check_scans(image: Image.Image, data: bytes) -> None:
    """Refuse a JPEG image whose scans would take seconds or minutes to read.

    Raises:
        DecodeError: There are more than `MAX_SCANS`.
    """
    # within a scan, no such marker can occur
    if image.format in {"JPEG", "MPO"} and data.count(_SCAN) > MAX_SCANS:
        raise DecodeError(f"has more than {MAX_SCANS} scans; save it as an ordinary JPEG or as PNG")


def _check_compression(image: Image.Image) -> None:
    if image.format == "TIFF" and image.info.get("compression") in _FAX:
        what = f"is a TIFF file in the fax compression {image.info['compression']}, which is not read"
        raise DecodeError(f"{what}; save it uncompressed or with LZW, or as PNG")


def _to_array(image: ImageFile.ImageFile, data: bytes, tiff: TiffForm | None) -> UInt8Image:
    form = raw_form(image)
    if is_wide_colour(form):
        return collapse(_wide_colour(image, form, data))
    key = _transparent_value(image, data)
    if image.mode.startswith("I") or image.mode == "F":
        return _wide_grey(image, tiff, key)
    levels = _levels(image, key)
    if tiff and tiff.is_signed and bool((levels > _MOST_SIGNED).any()):
        raise DecodeError(f"holds negative values; {_SAVE}")
    return 255 - levels if tiff and tiff.is_inverted else levels


def _transparent_value(image: Image.Image, data: bytes) -> tuple[int, ...] | None:
    """Return the samples of the one grey or colour that a PNG file calls transparent; None without any."""
    value = image.info.get("transparency")
    if image.format != "PNG" or image.mode == "P" or value is None:
        return None
    if data[_PNG_NAME] != b"IHDR":
        raise DecodeError("is damaged or cut off (its header is not at its place)")
    bits = data[_PNG_BITS]
    # bits beyond the depth do not count; below 8 bits, Pillow scales the samples
    scale = 255 // (2**bits - 1) if bits in _PNG_SCALED else 1
    values = value if isinstance(value, tuple) else (value,)
    return values if image.mode == "1" else tuple((number & (2**bits - 1)) * scale for number in values)


def _levels(image: Image.Image, key: tuple[int, ...] | None) -> UInt8Image:
    if key is None and image.mode == "La":
        # over black, multiplied by the opacity already
        return np.array(image.getchannel("L"), dtype=np.uint8)
    if key is None and image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, (0, 0, 0, 255)), layer)
    is_grey = image.mode in ("1", "L")
    levels = np.array(image.convert("L" if is_grey else "RGB"), dtype=np.uint8)
    _clear(levels, levels if not is_grey else levels[..., None], key)
    return collapse(levels)


def _clear(levels: UInt8Image, samples: npt.NDArray[np.generic], key: tuple[int, ...] | None) -> None:
    """Make levels black where the samples, `[H, W, C]`, are the transparent ones."""
    if key is not None:
        levels[(samples == np.array(key)).all(axis=-1)] = 0


def _wide_grey(image: ImageFile.ImageFile, tiff: TiffForm | None, key: tuple[int, ...] | None) -> UInt8Image:
    use_machine_order(image)
    full = 1.0 if image.mode == "F" else float(tiff.full if tiff else _FULL)
    values = np.asarray(image)
    levels = _scale(values, full, is_inverted=tiff is not None and tiff.is_inverted)
    _clear(levels, values[..., None], key)
    return levels


def _wide_colour(image: ImageFile.ImageFile, form: str, data: bytes) -> UInt8Image:
    key = image.info.get("transparency") if image.mode == "RGB" else None
    upper, lower = read_wide(form, lambda: _open(data))
    levels = np.empty((*upper.shape[:2], 3), dtype=np.uint8)
    # a few rows at a time, since words and fractions take several times the memory of bytes
    step = max(1, _BLOCK // upper[0].size)
    for top in range(0, len(upper), step):
        rows = slice(top, top + step)
        samples = upper[rows] * np.uint16(256) + lower[rows]
        levels[rows] = _scale(_over_black(samples, form), float(_FULL))
        _clear(levels[rows], samples, key)
    return levels


def _over_black(samples: npt.NDArray[np.uint16], form: str) -> npt.NDArray[np.float32]:
    """Return colour or grey, float32 `[H, W, 3 or 1]`, of samples with opacity or without."""
    colours = 3 if samples.shape[2] > _GREY_AND_OPACITY else 1
    values = samples[..., :colours].astype(np.float32)
    if samples.shape[2] > colours and not is_premultiplied(form):
        values *= samples[..., colours:] / np.float32(_FULL)
    return values


def _scale(values: npt.NDArray[np.generic], full: float, *, is_inverted: bool = False) -> UInt8Image:
    numbers = values.astype(np.float32)
    if not bool(((numbers >= 0) & (numbers <= full)).all()):
        raise DecodeError(f"holds values outside 0 to {full:g}; {_SAVE}")
    if is_inverted:
        np.subtract(np.float32(full), numbers, out=numbers)
    levels: UInt8Image = np.rint(numbers * np.float32(255.0 / full)).astype(np.uint8)
    levels[(levels == 0) & (numbers > 0)] = 1
    return levels


def collapse(image: UInt8Image) -> UInt8Image:
    """Return uint8 `[H, W]` for an image `[H, W, 3]` of three equal channels; any other as it is."""
    if image.ndim == 2:  # noqa: PLR2004 - height and width
        return image
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return np.ascontiguousarray(red)
    return image
