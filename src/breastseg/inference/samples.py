"""Samples of more than 8 bits, and what Pillow leaves undone about them.

Pillow has no picture of 16-bit colour: it keeps the upper byte of each sample. The lower one is read by a second look
at the file, as if its bytes were in the other order.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from PIL.ImageFile import ImageFile

    UInt8s = npt.NDArray[np.uint8]

# libtiff hands samples out in the machine's order, whatever the file's is
_LIBTIFF = "libtiff"
_IN_MACHINE_ORDER = {
    "I;16S": "I;16NS",
    "I;16BS": "I;16NS",
    "I;32S": "I;32NS",
    "I;32BS": "I;32NS",
    "F;32F": "F;32NF",
    "F;32BF": "F;32NF",
}
_UPPER = {"B": "B", "L": "L", "N": "L" if sys.byteorder == "little" else "B"}
_OTHER = {"B": "L", "L": "B"}
_COLOURS = {"RGB": "RGB", "RGBX": "RGBX", "RGBA": "RGBA", "RGBa": "RGBA"}
# both bytes of both samples, of which there are four
_GREY_WITH_ALPHA, _AS_BYTES = "LA;16B", "RGBA"


def use_machine_order(image: ImageFile) -> None:
    """Have 32-bit and signed samples of a compressed TIFF file, opened but not loaded, read in the order they come."""
    form = raw_form(image)
    if image.tile and image.tile[0].codec_name == _LIBTIFF and form in _IN_MACHINE_ORDER:
        _set_raw_form(image, _IN_MACHINE_ORDER[form])


def raw_form(image: ImageFile) -> str:
    """Return Pillow's name for how the samples of an image, opened but not loaded, are stored; empty if unknown."""
    if not image.tile:
        return ""
    args = image.tile[0].args
    form = args[0] if isinstance(args, tuple) and args else args
    return form if isinstance(form, str) else ""


def _set_raw_form(image: ImageFile, form: str) -> None:
    image.tile = [
        tile._replace(args=(form, *tile.args[1:]) if isinstance(tile.args, tuple) else form) for tile in image.tile
    ]


def is_wide_colour(form: str) -> bool:
    """Say whether samples of a form are 16-bit colour, or grey with transparency, that `read_wide` reads."""
    colours, _, order = form.partition(";16")
    return form == _GREY_WITH_ALPHA or (colours in _COLOURS and order in _UPPER)


def is_premultiplied(form: str) -> bool:
    """Say whether colours were multiplied by their opacity already."""
    return form.startswith("RGBa")


def read_wide(form: str, reopen: Callable[[], ImageFile]) -> tuple[UInt8s, UInt8s]:
    """Read samples of 16-bit colour.

    Args:
        form: What `raw_form` returned, of which `is_wide_colour`.
        reopen: Opens the file once more.

    Returns:
        The upper and the lower bytes, each uint8 `[H, W, C]`: three channels of colour or one of grey; then opacity, if
        there is any.
    """
    if form == _GREY_WITH_ALPHA:
        both = _read(_AS_BYTES, reopen)
        return both[..., ::2], both[..., 1::2]
    colours, _, order = form.partition(";16")
    upper = _UPPER[order]
    form = f"{_COLOURS[colours]};16"
    return _read(form + upper, reopen), _read(form + _OTHER[upper], reopen)


def _read(form: str, reopen: Callable[[], ImageFile]) -> UInt8s:
    with reopen() as image:
        _set_raw_form(image, form)
        return np.asarray(image)
