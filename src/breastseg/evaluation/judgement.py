"""All that is kept of one network's answer to one case: its row of the per-image table, and its reliability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from breastseg.evaluation.metrics import score_case
from breastseg.evaluation.per_image import Row, make_row
from breastseg.evaluation.reliability import ReliabilityBin, count_bins, make_bins
from breastseg.monitoring.confidence import soft_dice

if TYPE_CHECKING:
    from breastseg.data.split_table import SplitRow
    from breastseg.data.table import PreparedCase
    from breastseg.evaluation.arrays import Float32s, Mask


@dataclass(frozen=True)
class Judgement:
    """What is kept.

    Attributes:
        row: A row of the per-image table.
        bins: The reliability of a lesion image; none for a normal.
    """

    row: Row
    bins: list[ReliabilityBin]


def judge(  # noqa: PLR0913 - a case, and what was predicted for it
    network: str,
    case: PreparedCase,
    place: SplitRow,
    probability: Float32s,
    predicted: Mask,
    *,
    presence: float | None,
) -> Judgement:
    """Evaluate one prediction.

    Args:
        network: Name of the network.
        case: The case with its truth.
        place: Its place in the split.
        probability: Calibrated, float32 `[H, W]` at native size, 0..1.
        predicted: bool `[H, W]`, what was made of it at the operating point.
        presence: Probability of any lesion in the image, 0..1; None where the network does not predict it.
    """
    truth, ignored = case.mask(), case.ignored()
    judged = np.ones_like(truth) if ignored is None else ~ignored
    scores = score_case(case, truth, predicted, judged)
    row = make_row(network, case, place, scores, soft_dice(probability, predicted, judged, presence=presence))
    counts = count_bins(probability, truth, judged) if scores.truth_px else np.empty((0, 3))
    return Judgement(row, make_bins(network, case.case_id, counts))
