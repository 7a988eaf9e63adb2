"""The risk-coverage curve as a table to plot: how good the kept answers are when the doubtful ones are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from breastseg.data.csv_file import write_csv
from breastseg.evaluation.json_file import significant
from breastseg.evaluation.per_image import lesion_dice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from breastseg.evaluation.per_image import Row


@dataclass(frozen=True)
class CurvePoint:
    """The lesion images that one network is surest of.

    Attributes:
        network: Name of the network.
        coverage: Kept share of the lesion images, above 0, at most 1.
        risk: Mean of 1 - Dice over the kept ones.
        expected_dice: The least expected Dice that is kept.
    """

    network: str
    coverage: float
    risk: float
    expected_dice: float


def risk_coverage_curve(rows: Sequence[Row]) -> list[CurvePoint]:
    """Draw the curve of every network over its test lesion images, a point a number of kept images.

    Of images with one expected Dice those whose case id comes first are kept first, as in the area under the curve.
    """
    tested = [row for row in rows if row.subset == "test" and row.dice is not None]
    networks = sorted({row.network for row in tested})
    return [point for network in networks for point in _curve([row for row in tested if row.network == network])]


def _curve(rows: Sequence[Row]) -> list[CurvePoint]:
    kept = sorted(rows, key=lambda row: (-row.expected_dice, row.case_id))
    risks = np.cumsum([1 - lesion_dice(row) for row in kept]) / np.arange(1, len(kept) + 1)
    return [
        CurvePoint(row.network, significant((i + 1) / len(kept)), significant(risk), row.expected_dice)
        for i, (row, risk) in enumerate(zip(kept, risks.tolist(), strict=True))
    ]


def write_curve(points: Iterable[CurvePoint], path: Path) -> None:
    """Write the curves as CSV in the order given; it appears only once it is complete."""
    write_csv(CurvePoint, points, path)
