"""A DICOM file's bytes become pixels in the form that every other format gives.

Pixels come as they are stored: no orientation, no aspect ratio, no overlay, no shutter is applied. What is read and
what is refused stands in `docs/serving.md`; how grey is scaled in `levels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.inference.dicom.elements import Elements
from breastseg.inference.dicom.frames import read_frame, require_known_syntax
from breastseg.inference.dicom.header import PALETTE, Header
from breastseg.inference.dicom.levels import colour_levels, grey_levels, palette
from breastseg.inference.dicom.tags import Tag
from breastseg.inference.raster import DecodeError, TooManyPixelsError, collapse

if TYPE_CHECKING:
    from breastseg.inference.dicom.frames import Samples
    from breastseg.inference.raster import UInt8Image


class SeveralFramesError(DecodeError):
    """The file has several frames, of which none is asked for."""


def decode_dicom(data: bytes, max_pixels: int, frame: int | None) -> UInt8Image:
    """Decode one frame of a DICOM file.

    Args:
        data: The whole file, with its preamble.
        max_pixels: Most pixels that are taken, rows times columns.
        frame: The frame's number, from 1 as in DICOM; None if the file has one frame only.

    Returns:
        uint8 `[rows, columns]` (grey) or `[rows, columns, 3]` (RGB), 0..255.

    Raises:
        DecodeError: The file is damaged, cut off, without pixels, in a form that is not read, or without the frame that
            is asked for.
        SeveralFramesError: It has several frames, of which none is asked for.
        TooManyPixelsError: It has more than `max_pixels` pixels, told from the header.
    """
    syntax, elements = Elements.read(data, max_pixels)
    require_known_syntax(syntax)
    _require_pixels(elements)
    header = Header.of(elements)
    if header.pixels > max_pixels:
        raise TooManyPixelsError(f"has {header.columns} x {header.rows} pixels, more than {max_pixels:,}")
    index = _frame_index(header.frames, frame)
    levels = _levels(elements, header)
    return collapse(_look_up(levels, read_frame(elements, syntax, header, index)))


def _require_pixels(elements: Elements) -> None:
    if Tag.FLOAT_PIXELS in elements or Tag.DOUBLE_PIXELS in elements:
        raise DecodeError("is a DICOM file of floating-point pixels, whose range is anybody's guess")
    if Tag.PIXELS not in elements:
        raise DecodeError("is a DICOM file without pixels, such as a structured report, or cut off before their end")


def _frame_index(frames: int, frame: int | None) -> int:
    if frame is None and frames > 1:
        raise SeveralFramesError(f"is a DICOM file of {frames} frames; ask for one of them by frame, 1 to {frames}")
    if frame is not None and not 1 <= frame <= frames:
        raise DecodeError(f"is a DICOM file of {frames} frame{'s' * (frames > 1)}, so frame {frame} does not exist")
    return 0 if frame is None else frame - 1


def _levels(elements: Elements, header: Header) -> UInt8Image:
    if header.photometric == PALETTE:
        return palette(elements, header)
    return grey_levels(elements, header) if header.is_grey else colour_levels(header)


def _look_up(levels: UInt8Image, samples: Samples) -> UInt8Image:
    if levels.shape == (256,) and np.array_equal(levels, np.arange(256)):
        return np.array(samples, dtype=np.uint8, order="C")
    # every word has a level; wrapping only spares numpy the check
    return np.take(levels, samples, axis=0, mode="wrap")
