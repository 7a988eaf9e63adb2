"""The section `data`: which raw images the pipeline reads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from breastseg.params.base import Section

Layout = Literal["busi", "bus_bra", "bus_uclm", "bcss", "table"]

# name of the simulated images where data sets are named
SIMULATED: Final = "phantom"
# what the stage `phantom` writes, the embedded default
PHANTOM: Final = PurePosixPath("data/raw/phantom")


# begins the case ids of its set, and stands in tables
SetName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class DataSet(Section):
    """One of several data sets.

    Attributes:
        layout: The reader of its folder.
        root: Its folder or its parent, from `data.root`.
    """

    layout: Layout
    root: str = Field(min_length=1)

    @field_validator("root")
    @classmethod
    def _require_below(cls, root: str) -> str:
        path = PurePosixPath(root)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError("has to be a folder below data.root, and is written from there")
        return root


@dataclass(frozen=True)
class Source:
    """A folder that is read.

    Attributes:
        key: The params that name it, such as `data` or `data.sets.busi`.
        name: Name of the set; none where there is only one, which names itself.
        layout: The reader.
        root: The data set's folder or its parent.
    """

    key: str
    name: str | None
    layout: str
    root: Path

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


class Data(Section):
    """Where the raw images are and how their folders are laid out.

    Attributes:
        layout: The reader; one module of `breastseg.data.layouts` each. None where `sets` says it.
        root: The data set's folder or its parent, below `data/raw/`; of several sets, the folder that all are in.
        sets: Several data sets in one table, by the names that they have there; empty for one.
    """

    layout: Layout | None
    root: str = Field(min_length=1)
    sets: dict[SetName, DataSet]

    @model_validator(mode="after")
    def _require_one_way(self) -> Self:
        if self.sets and self.layout is not None:
            raise ValueError("data.sets has a layout each: set data.layout to null")
        if not self.sets and self.layout is None:
            raise ValueError("data.layout is null, and there are no data.sets")
        return self

    @model_validator(mode="after")
    def _require_apart(self) -> Self:
        places = {name: PurePosixPath(part.root) for name, part in self.sets.items()}
        for name, place in places.items():
            for other, inside in places.items():
                if name != other and inside.is_relative_to(place):
                    raise ValueError(f"the images of {other} would be read with {name} too: {inside} is in {place}")
        return self

    @property
    def sources(self) -> list[Source]:
        """The folders that are read."""
        if self.layout is not None:
            return [Source("data", None, self.layout, Path(self.root))]
        return [
            Source(f"data.sets.{name}", name, part.layout, Path(self.root, part.root))
            for name, part in self.sets.items()
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what is read: of the sets, else of the layout; `phantom` for the simulated images."""
        return tuple(SIMULATED if source.is_phantom else source.name or source.layout for source in self.sources)

    @property
    def reads_phantom(self) -> bool:
        """Whether the simulated images are among those that are read."""
        return any(source.reads_phantom for source in self.sources)
