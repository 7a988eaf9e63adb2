"""The words that raw layouts, checks and tables share: a raw case, its label, its mask layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from breastseg.errors import Problem

Label = Literal["benign", "malignant", "normal", "unknown"]
LABELS: tuple[Label, ...] = get_args(Label)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RawCase:
    """One image as its data set holds it, not yet opened.

    Paths are plain strings (with `/`, from the working directory), a third of a `Path`: the list of all cases is held.

    Attributes:
        case_id: Unique name within the table.
        dataset: Name of the data set.
        image: The image file.
        masks: The mask files; together they are one lesion map. Empty where the set says that there is no lesion.
        label: `unknown` leaves it to the mask whether the case is normal.
        patient: Identity of the patient within the data set, or none known.
        device: The scanner, or none known.
        birads: The BI-RADS category, as the set writes it, or none known.
    """

    case_id: str
    dataset: str
    image: str
    masks: tuple[str, ...]
    label: Label
    patient: str | None
    device: str | None
    birads: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Listing:
    """What a layout found: the cases, and the faults that keep files from being cases."""

    cases: tuple[RawCase, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class MaskLayers:
    """One mask file's meaning, bool `[H, W]` each.

    Attributes:
        lesion: True on the lesion.
        ignored: True on pixels that are not to be judged; none where the set has no such pixels.
        flags: Remarks on the file, see `docs/data.md`.
    """

    lesion: Mask
    ignored: Mask | None
    flags: tuple[str, ...] = ()
