"""Turns the bytes of any image file into pixels, the same way for raw data and for requests to the service.

DICOM is told by the mark in the file, never by its name; `breastseg.inference.dicom` says how it is read, and
`breastseg.inference.raster` how all other formats are. What the pipeline has prepared needs the latter only.
"""

from __future__ import annotations

from breastseg.inference.raster import MAX_PIXELS, DecodeError, UInt8Image, decode_raster

# how names of image files end, in lower case
IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".dcm", ".dicom"})

_DICOM_MARK, _DICOM_MARK_PLACE = b"DICM", 128


def decode_image(data: bytes, *, max_pixels: int = MAX_PIXELS, frame: int | None = None) -> UInt8Image:
    """Decode a PNG, JPEG, BMP, TIFF, WebP or DICOM file.

    Args:
        data: The whole file.
        max_pixels: Most pixels that are taken, height times width; at most `MAX_PIXELS`.
        frame: The number of a DICOM file's frame, from 1; needed where the file has several.

    Returns:
        uint8 `[H, W]` (grey) or `[H, W, 3]` (RGB), 0..255; 1-bit files give 0 and 255.

    Raises:
        DecodeError: The bytes are empty, of another format, damaged, or hold values of an unknown range;
            or `frame` does not fit them; or they are a DICOM file, and pydicom is not installed.
        TooManyPixelsError: Height times width is above `max_pixels`, or one of them above 65,535, told from the header
            before a pixel is decoded.
    """
    if data.startswith(_DICOM_MARK, _DICOM_MARK_PLACE):
        return _decode_dicom(data, max_pixels, frame)
    if frame is not None:
        raise DecodeError("is no DICOM file, and only of those a frame can be asked for")
    return decode_raster(data, max_pixels=max_pixels)


def _decode_dicom(data: bytes, max_pixels: int, frame: int | None) -> UInt8Image:
    try:
        from breastseg.inference.dicom.image import decode_dicom  # noqa: PLC0415 - other formats do without pydicom
    except ModuleNotFoundError as error:
        if error.name != "pydicom":
            raise
        raise DecodeError("is a DICOM file, which needs pydicom: pip install 'breastseg[serve]'") from error
    return decode_dicom(data, max_pixels, frame)
