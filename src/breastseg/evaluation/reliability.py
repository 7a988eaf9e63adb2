"""Whether probabilities near the outline are honest: pixels counted by probability, an image at a time.

Only a band around the outline is looked at. Most pixels of an image are far from any lesion and easily told; they
would hide how probabilities do where it matters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from scipy.ndimage import distance_transform_edt

from breastseg.data.csv_file import write_csv
from breastseg.errors import Problem, ProblemsError
from breastseg.evaluation.csv_records import read_records
from breastseg.evaluation.json_file import significant
from breastseg.evaluation.surface import boundary_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from breastseg.evaluation.arrays import Float32s, Floats, Mask
    from breastseg.evaluation.per_image import Row

BINS = 15
BAND_SHARE = 0.05


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ReliabilityBin:
    """The pixels of one lesion image's band that one network gave about the same probability.

    Attributes:
        network: Name of the network.
        case_id: The case.
        bin: Probabilities from `bin / 15` to below `(bin + 1) / 15`; 1 is in the last one.
        pixels: Number of pixels, at least 1.
        probability_sum: Sum of their probabilities.
        lesion_px: How many of them are lesion.
    """

    network: str
    case_id: str
    bin: Annotated[int, Field(ge=0, lt=BINS)]
    pixels: Annotated[int, Field(ge=1)]
    probability_sum: float
    lesion_px: int


def outline_band(truth: Mask) -> Mask:
    """Pixels within 5 % of the image's diagonal of the truth's boundary pixels, bool `[H, W]`.

    Args:
        truth: bool `[H, W]`, judged pixels only, not empty.
    """
    away = np.ones_like(truth)
    away[tuple(boundary_pixels(truth).T)] = False
    band: Mask = distance_transform_edt(away) <= BAND_SHARE * math.hypot(*truth.shape)
    return band


def count_bins(probability: Float32s, truth: Mask, judged: Mask) -> Floats:
    """Count the judged pixels of the band by probability.

    Args:
        probability: Calibrated, float32 `[H, W]` in 0..1.
        truth: bool `[H, W]` with a judged lesion pixel.
        judged: bool `[H, W]`.

    Returns:
        `[15, 3]`: pixels, sum of their probabilities, lesion pixels among them.
    """
    counted = outline_band(truth & judged) & judged
    found = probability[counted].astype(np.float64)
    index = np.minimum((found * BINS).astype(np.int64), BINS - 1)
    columns = [np.bincount(index, weights, BINS) for weights in (None, found, truth[counted])]
    return np.stack(columns, axis=1)


def make_bins(network: str, case_id: str, counts: Floats) -> list[ReliabilityBin]:
    """Name the counts `[15, 3]` of one case; bins without a pixel are left out."""
    return [
        ReliabilityBin(network, case_id, bin_, int(pixels), significant(probability), int(lesion))
        for bin_, (pixels, probability, lesion) in enumerate(counts)
        if pixels
    ]


def gather_bins(bins: Iterable[ReliabilityBin], rows: Sequence[Row]) -> Floats:
    """Gather the counts of lesion images, `[rows, 15, 3]`, in the order of `rows`; those of several trainings add up.

    Raises:
        ProblemsError: A row has no bins.
    """
    places = {(row.network, row.case_id): i for i, row in enumerate(rows)}
    counts = np.zeros((len(rows), BINS, 3))
    for bin_ in bins:
        if (place := places.get((bin_.network, bin_.case_id))) is not None:
            counts[place, bin_.bin] += bin_.pixels, bin_.probability_sum, bin_.lesion_px
    missing = [row.case_id for row, count in zip(rows, counts, strict=True) if not count.any()]
    if missing:
        mend = "Run `dvc repro evaluate`"
        raise ProblemsError("Cases without reliability", [Problem(case, "has no bins", mend) for case in missing])
    return counts


def write_bins(bins: Iterable[ReliabilityBin], path: Path) -> None:
    """Write the bins as CSV, sorted by network, case and bin; it appears only once it is complete."""
    ordered = sorted(bins, key=lambda bin_: (bin_.network, bin_.case_id, bin_.bin))
    write_csv(ReliabilityBin, ordered, path)


def read_bins(path: Path) -> list[ReliabilityBin]:
    """Read the bins.

    Raises:
        BreastsegError: The file is missing or has other columns.
        ProblemsError: Lines that do not hold; all of them are listed.
    """
    return read_records(ReliabilityBin, path, "table of reliability bins")
