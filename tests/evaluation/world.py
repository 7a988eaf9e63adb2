"""A small world to evaluate: bright ellipses in speckle, and rows of any scores."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logit

from breastseg.data.png import encode_png
from breastseg.data.split_table import SplitRow
from breastseg.data.table import PreparedCase
from breastseg.evaluation.judged_case import JudgedCase, Logits
from breastseg.evaluation.judgement import Judgement, judge
from breastseg.evaluation.reliability import ReliabilityBin
from breastseg.inference.letterbox import Letterbox
from breastseg.params.inference import Inference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breastseg.evaluation.arrays import Floats, Mask
    from breastseg.evaluation.per_image import Row

SIZE = 64
ONCE = Inference(flip_averaging=False)
HEIGHT, WIDTH = 60, 80


def ellipse(centre: tuple[float, float] = (30, 40), radii: tuple[float, float] = (10, 14)) -> Mask:
    """A filled ellipse, bool `[HEIGHT, WIDTH]`."""
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    mask: Mask = ((rows - centre[0]) / radii[0]) ** 2 + ((columns - centre[1]) / radii[1]) ** 2 <= 1
    return mask


@cache
def make_case(index: int) -> PreparedCase:
    """Every fourth case is a normal, every third of the others malignant; of every fifth the right edge is ignored."""
    rng = np.random.default_rng(index)
    mask = ellipse((rng.uniform(20, 40), rng.uniform(25, 55)), (rng.uniform(6, 12), rng.uniform(8, 16)))
    mask &= index % 4 != 0
    ignored = np.zeros_like(mask)
    ignored[:, -20:] = True
    image = np.where(mask, 170, 70) * rng.rayleigh(0.8, mask.shape)
    return PreparedCase(
        case_id=f"case {index:03}",
        dataset="phantom",
        patient=None,
        label="normal" if index % 4 == 0 else "malignant" if index % 3 == 0 else "benign",
        device=None,
        height=HEIGHT,
        width=WIDTH,
        channels=1,
        lesions=int(mask.any()),
        flags=(),
        content_hash=f"{index:064x}",
        duplicate_group=f"case {index:03}",
        image_png=encode_png(image.clip(0, 255).astype(np.uint8)),
        mask_png=encode_png(mask),
        ignored_png=encode_png(ignored) if index % 5 == 0 else None,
    )


def judged_case(truth: Mask, probability: Floats, judged: Mask | None = None, presence: float = 0.5) -> JudgedCase:
    """A case whose network predicts `probability` `[H, W]`, as far as its square can hold it, and `presence`."""
    height, width = truth.shape
    box = Letterbox(height, width, max(truth.shape))
    square = np.full((box.size, box.size), 0.01)
    square[box.inside()] = probability.ravel()
    logits = Logits(logit(square).astype(np.float32), float(logit(presence)))
    return JudgedCase(logits, truth, np.ones_like(truth) if judged is None else judged)


def judgement(network: str, index: int, predicted: Mask) -> Judgement:
    """What is kept of a prediction on a case of `make_case`, in the test set; the network is 90 % sure of it."""
    case = replace(make_case(index), ignored_png=None)
    place = SplitRow(case.case_id, f"group {index // 2}", 0, "test")
    return judge(network, case, place, np.where(predicted, np.float32(0.9), np.float32(0.1)), predicted, presence=None)


def row(network: str, index: int, predicted: Mask, **changes: object) -> Row:
    """The row of `judgement`."""
    return replace(judgement(network, index, predicted).row, **changes)  # type: ignore[arg-type] # the caller's cells


def some_bins(rows: Sequence[Row]) -> list[ReliabilityBin]:
    """Some reliability for every lesion image of a table."""
    return [ReliabilityBin(row.network, row.case_id, 7, 100, 53.0, 50) for row in rows if row.truth_px]
