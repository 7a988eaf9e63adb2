"""Readers of raw folders, one module a layout, found by the name that `data.layout` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from breastseg.data.layouts import bcss, bus_bra, bus_uclm, busi, table

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.data.cases import Listing, MaskLayers
    from breastseg.inference.raster import UInt8Image


class Layout(Protocol):
    """What a module of this package offers."""

    def find_cases(self, root: Path) -> Listing:
        """List the cases below `root` (the data set's folder or its parent) without opening an image."""

    def decode_mask(self, data: bytes) -> UInt8Image:
        """Decode one mask file: uint8 `[H, W]` or `[H, W, 3]`.

        Raises:
            DecodeError: The bytes are no image that can be read.
            BreastsegError: The image is of a kind whose values would not come through.
        """

    def read_mask(self, image: UInt8Image) -> MaskLayers:
        """Give the meaning of one decoded mask file, uint8 `[H, W]` or `[H, W, 3]`.

        Raises:
            BreastsegError: The values are none that masks of this layout hold.
        """


# Imported by name, so that DVC's dependencies can be read off the imports
_LAYOUTS: dict[str, Layout] = {"bcss": bcss, "bus_bra": bus_bra, "bus_uclm": bus_uclm, "busi": busi, "table": table}


def layout(name: str) -> Layout:
    """Return the layout `name`: a new one is one module here, its names here and in `params.data`, and one test."""
    return _LAYOUTS[name]
