"""The elements of a DICOM file that an image needs. No other is kept, so nothing about a patient can get out."""

from __future__ import annotations

from enum import IntEnum

from pydicom.datadict import dictionary_description


class Tag(IntEnum):
    """The elements that are read."""

    SYNTAX = 0x00020010
    SAMPLES = 0x00280002
    PHOTOMETRIC = 0x00280004
    PLANAR = 0x00280006
    FRAMES = 0x00280008
    ROWS = 0x00280010
    COLUMNS = 0x00280011
    BITS_ALLOCATED = 0x00280100
    BITS_STORED = 0x00280101
    HIGH_BIT = 0x00280102
    SIGNED = 0x00280103
    WINDOW_CENTER = 0x00281050
    WINDOW_WIDTH = 0x00281051
    INTERCEPT = 0x00281052
    SLOPE = 0x00281053
    VOI_FUNCTION = 0x00281056
    RED_DESCRIPTOR = 0x00281101
    GREEN_DESCRIPTOR = 0x00281102
    BLUE_DESCRIPTOR = 0x00281103
    RED_DATA = 0x00281201
    GREEN_DATA = 0x00281202
    BLUE_DATA = 0x00281203
    MODALITY_LUT = 0x00283000
    LUT_DESCRIPTOR = 0x00283002
    LUT_DATA = 0x00283006
    VOI_LUT = 0x00283010
    SHARED_GROUPS = 0x52009229
    FRAME_GROUPS = 0x52009230
    OFFSETS = 0x7FE00001
    OFFSET_LENGTHS = 0x7FE00002
    FLOAT_PIXELS = 0x7FE00008
    DOUBLE_PIXELS = 0x7FE00009
    PIXELS = 0x7FE00010

    def __str__(self) -> str:
        return f"{dictionary_description(int(self))} ({self >> 16:04X},{self & 0xFFFF:04X})"
