"""The section `data`: which raw images the pipeline reads."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from pydantic import Field

from breastseg.params.base import Section

Layout = Literal["busi", "bus_bra", "bus_uclm", "bcss", "table"]

# what the stage `phantom` writes, the embedded default
PHANTOM: Final = PurePosixPath("data/raw/phantom")


class Data(Section):
    """Where the raw images are and how their folder is laid out.

    Attributes:
        layout: The reader; one module of `breastseg.data.layouts` each.
        root: The data set's folder or its parent, below `data/raw/`.
    """

    layout: Layout
    root: str = Field(min_length=1)

    @property
    def reads_phantom(self) -> bool:
        """Whether the simulated images are among those that are read; the repository's root is the current folder."""
        root, phantom = self._paths()
        return root.is_relative_to(phantom) or phantom.is_relative_to(root)

    @property
    def is_phantom(self) -> bool:
        """Whether the simulated images are all that is read."""
        root, phantom = self._paths()
        return root == phantom

    @property
    def is_inside_phantom(self) -> bool:
        """Whether a part of the simulated images is all that is read."""
        root, phantom = self._paths()
        return phantom in root.parents

    def _paths(self) -> tuple[Path, Path]:
        return Path(os.path.realpath(self.root)), Path(os.path.realpath(PHANTOM))
