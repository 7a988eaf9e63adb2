"""The section `data`: which raw images the pipeline reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from breastseg.params.base import Section

Layout = Literal["busi", "bus_bra", "bus_uclm", "bcss", "table"]


class Data(Section):
    """Where the raw images are and how their folder is laid out.

    Attributes:
        layout: The reader; one module of `breastseg.data.layouts` each.
        root: The data set's folder or its parent, below `data/raw/`.
    """

    layout: Layout
    root: str = Field(min_length=1)
