"""Masks that show the lesion bright on black, in whatever colour or file mode."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from breastseg.colour import is_grey
from breastseg.data.cases import MaskLayers
from breastseg.data.layouts.grey_levels import grey_fault, is_label_map, lacks_zero
from breastseg.errors import BreastsegError
from breastseg.inference.decode import decode_image
from breastseg.inference.raster import FORMATS

if TYPE_CHECKING:
    from breastseg.data.cases import Mask
    from breastseg.inference.raster import UInt8Image

# The same for 0/1 as for JPEG noise around black: below, nothing but noise may be left of a lossy mask.
_FAINTEST = 16
_LOSSY_FORMATS = frozenset({"JPEG", "MPO"})
_BYTE = 255
_SAVE = "Save the mask as PNG, 0 around the lesion and 255 on it, without smoothing"


class MaskError(BreastsegError):
    """The file is not a mask, or not one that can be read for sure; the text follows a file name.

    Attributes:
        mend: How to fix it.
    """

    def __init__(self, what: str, mend: str = _SAVE) -> None:
        super().__init__(what)
        self.mend = mend


class FaintMaskError(MaskError):
    """The values of a lossy mask are too low to differ from noise: fine for an image without a lesion.

    Attributes:
        shape: Height and width of the mask.
    """

    def __init__(self, pixels: UInt8Image) -> None:
        what = f"is lossy, and its greatest value is {pixels.max()}: a lesion cannot be distinguished from noise"
        super().__init__(what, f"{_SAVE}; all 0 where there is no lesion")
        self.shape: tuple[int, ...] = pixels.shape[:2]


def decode_bright_mask(data: bytes) -> UInt8Image:
    """Decode a mask file for `read_bright_mask`: as an image, but no level is lost.

    - 16-bit grey is scaled by its own maximum, or kept where that is at most 255, so that smooth edges stay smooth.
    - Where nothing but the transparency varies, that is the mask; so are a palette's indices where its colours do not.

    Returns:
        uint8 `[H, W]` or `[H, W, 3]`; what is above 0 in the file is above 0.

    Raises:
        DecodeError: As `decode_image`.
        FaintMaskError: A JPEG file has no value of 16 or more, but is not black.
    """
    pixels = decode_image(data)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.format in _LOSSY_FORMATS and 0 < pixels.max() < _FAINTEST:
                raise FaintMaskError(pixels)
            if image.mode.startswith("I"):
                return _native_levels(np.asarray(image), pixels)
            return pixels if pixels.any() else _hidden_levels(image, pixels)
    except UnidentifiedImageError:  # DICOM
        return pixels


def _native_levels(native: np.ndarray, pixels: UInt8Image) -> UInt8Image:
    if not np.array_equal(native > 0, pixels > 0):  # not stored as it is meant
        return pixels
    scaled = np.rint(native * (_BYTE / max(_BYTE, native.max())))
    levels: UInt8Image = np.maximum(scaled, native > 0).astype(np.uint8)
    return levels


def _hidden_levels(image: Image.Image, pixels: UInt8Image) -> UInt8Image:
    """Return what varies in a file whose pixels, transparency over black, are all black."""
    found = [np.asarray(image.convert("RGBA").getchannel("A"))] if image.has_transparency_data else []
    found += [np.asarray(image)] if image.mode == "P" else []
    return next((levels for levels in found if levels.min() < levels.max()), pixels)


def read_bright_mask(image: UInt8Image) -> MaskLayers:
    """Read a mask whose lesion is bright, in any colour, or marked by numbers.

    In a label map, every value but 0 is lesion. In any other mask, whose edges were smoothed or compressed with loss,
    it is what is at least half of the mask's maximum.

    Args:
        image: uint8 `[H, W]` or `[H, W, 3]`; of colours, the brightest channel counts.

    Returns:
        The lesion, with the flag `lossy_mask` or, for a label map of several values, `multilevel_mask`.

    Raises:
        FaintMaskError: The mask is lossy, and no value is 16 or more.
        MaskError: It holds too much grey for a mask, or most of it, its border included, is lesion.
    """
    values = image if is_grey(image) else image.max(axis=2)
    if not values.any():
        return MaskLayers(np.zeros(values.shape, dtype=np.bool_), None)
    exact = is_label_map(values)
    if not exact:
        _require_lossy_mask(values)
    lesion = values > 0 if exact else values >= values.max() / 2
    _require_background(lesion)
    flag = ("multilevel_mask",) if _has_levels(values) else ()
    return MaskLayers(lesion, None, flag if exact else ("lossy_mask",))


def _require_lossy_mask(values: UInt8Image) -> None:
    if values.max() < _FAINTEST and lacks_zero(values):
        what = f"has labels from {values.min()} to {values.max()}, but no 0, which stands for the background"
        raise MaskError(what, "Save it with 0 around the lesion; all 0 where there is no lesion")
    if values.max() < _FAINTEST:
        raise FaintMaskError(values)
    fault = grey_fault(values)
    if fault:
        what = f"{fault}: it looks like a photograph, an image with marks on it, or a map of probabilities"
        raise MaskError(what)


def _has_levels(values: UInt8Image) -> bool:
    return bool(((values > 0) & (values < values.max())).any())


def _require_background(lesion: Mask) -> None:
    """Refuse a mask most of whose border and area is lesion.

    A lesion that is larger than half of the image rarely reaches most of the border as well.
    """
    border = np.concatenate([lesion[0], lesion[-1], lesion[:, 0], lesion[:, -1]])
    if border.mean() <= 1 / 2 or lesion.mean() <= 1 / 2:
        return
    what = f"marks {lesion.mean():.0%} of the image and {border.mean():.0%} of its border as lesion"
    mend = "Is it inverted? Save it with 0 around the lesion and 255 on it; all 0 where there is no lesion"
    raise MaskError(what, mend)
