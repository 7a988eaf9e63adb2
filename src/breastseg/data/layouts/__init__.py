"""Readers of raw folders, one module a layout, found by the name that `data.layout` gives."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.data.cases import Listing, MaskLayers
    from breastseg.inference.decode import UInt8Image


class Layout(Protocol):
    """What a module of this package offers."""

    def find_cases(self, root: Path) -> Listing:
        """List the cases below `root` (the data set's folder or its parent) without opening an image."""

    def read_mask(self, image: UInt8Image) -> MaskLayers:
        """Give the meaning of one decoded mask file, uint8 `[H, W]` or `[H, W, 3]`.

        Raises:
            BreastsegError: The values are none that masks of this layout hold.
        """


def layout(name: str) -> Layout:
    """Import the layout `name`: a new one is one module here, its name in `params.data` and one test."""
    return cast("Layout", import_module(f"{__name__}.{name}"))
