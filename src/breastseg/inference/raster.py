"""Turns the bytes of a PNG, JPEG, BMP, TIFF or WebP file into pixels, the same way everywhere.

What is decided here, once:

- The first frame counts, of animations and multi-page files.
- Pixels are taken as stored: an EXIF orientation is not applied, because a mask beside the image has none.
- Transparency is composited over black, the background of ultrasound. Opaque files lose nothing by it.
- 16-bit grey is scaled by its full range, 65535 becoming 255; what is above 0 stays above 0, so that a 16-bit
  mask of zeros and ones is not lost. Floats count as 0..1. Integers beyond 16 bits and floats beyond 1 are refused,
  since their range is anybody's guess. (Pillow itself reduces 16-bit colour, by its high byte.)
- Three equal channels are grey.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from breastseg.errors import BreastsegError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
MAX_PIXELS = 50_000_000
# what JPEG and DICOM can hold; a picture of millions of rows costs far more than its pixels
MAX_SIDE = 65_535

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
            file in a fax compression.
        TooManyPixelsError: Height times width is above `max_pixels`, or one of them above `MAX_SIDE`, told from the
            header before a pixel is decoded.
    """
    if not data:
        raise DecodeError("is empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image, max_pixels)
            check_scans(image, data)
            _check_compression(image)
            return _to_array(image)
    except UnidentifiedImageError as error:
        raise DecodeError(f"is no {', '.join(FORMATS)} or DICOM image, or its header is damaged") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixelsError(f"has more than {max_pixels:,} pixels") from error
    except DAMAGE as error:
        raise DecodeError(f"is damaged or cut off ({error})") from error


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


def _to_array(image: Image.Image) -> UInt8Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _scale(np.asarray(image), 1.0 if image.mode == "F" else 65535.0)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, (0, 0, 0, 255)), layer)
    if image.mode in ("1", "L"):
        return np.array(image.convert("L"), dtype=np.uint8)
    return collapse(np.array(image.convert("RGB"), dtype=np.uint8))


def _scale(values: npt.NDArray[np.generic], full: float) -> UInt8Image:
    numbers = values.astype(np.float32)
    if not bool(((numbers >= 0) & (numbers <= full)).all()):
        raise DecodeError(f"holds values outside 0 to {full:g}; save it with 8 or 16 bits a pixel")
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
