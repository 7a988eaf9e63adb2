"""Pictures of the judgement: outlines of truth and prediction on the best, median and worst test cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from breastseg.evaluation.per_image import lesion_dice
from breastseg.files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from breastseg.evaluation.arrays import Floats, Image, Mask
    from breastseg.evaluation.per_image import Row

_TRUTH_COLOUR, _PREDICTED_COLOUR = "#00e5ff", "#ff9100"
# told apart by people who do not tell red from green (Okabe and Ito 2008)
_PARTS = {"true positive": "#009e73", "false positive": "#d55e00", "false negative": "#cc79a7"}
_OPACITY = 0.35
_CELL_INCHES = 2.6


@dataclass(frozen=True)
class Overlay:
    """One cell of a gallery.

    Attributes:
        title: What stands above it.
        image: uint8 `[H, W]` or `[H, W, 3]`.
        truth: bool `[H, W]`.
        predicted: bool `[H, W]`.
    """

    title: str
    image: Image
    truth: Mask
    predicted: Mask


def choose_cases(rows: Sequence[Row], network: str, count: int) -> dict[str, list[Row]]:
    """Choose the best, median and worst test lesion images of a network by Dice.

    Args:
        rows: The per-image table.
        network: Whose rows are looked at.
        count: Cases a kind at most; where there are fewer than three times as many, a kind has a third of them, and
            one or two cases are all shown as the median.

    Returns:
        Rows for `best`, `median` and `worst`, each by falling Dice; equal ones by case id.
    """
    judged = [row for row in rows if row.network == network and row.subset == "test" and row.dice is not None]
    ranked = sorted(judged, key=lambda row: (-lesion_dice(row), row.case_id))
    ends = min(count, len(ranked) // 3)
    between = ranked[ends : len(ranked) - ends]
    middle = max(0, (len(between) - count) // 2)
    return {
        "best": ranked[:ends],
        "median": between[middle : middle + count],
        "worst": ranked[len(ranked) - ends :],
    }


def draw_overlays(name: str, kinds: Mapping[str, Sequence[Overlay]], path: Path) -> None:
    """Draw a gallery as PNG, a row a kind; the same overlays give the same bytes."""
    columns = max(len(overlays) for overlays in kinds.values())
    figure = Figure(figsize=(_CELL_INCHES * columns, _CELL_INCHES * len(kinds) + 0.9), layout="constrained")
    figure.suptitle(f"{name} on test cases. Research use only")
    grid = figure.subplots(len(kinds), columns, squeeze=False)
    for axes_row, (kind, overlays) in zip(grid, kinds.items(), strict=True):
        for axes in axes_row:
            axes.set_axis_off()
        # a kind may have fewer than there are columns
        for axes, overlay in zip(axes_row[: len(overlays)], overlays, strict=True):
            _draw(axes, overlay, kind)
    lines = [Line2D([], [], color=colour) for colour in (_TRUTH_COLOUR, _PREDICTED_COLOUR)]
    patches = [Patch(color=colour, alpha=_OPACITY) for colour in _PARTS.values()]
    figure.legend(
        [*lines, *patches], ["truth", "prediction", *_PARTS], loc="outside lower center", ncols=columns, frameon=False
    )
    with replacing(path) as partial:
        # without the name and version of the program, which PNG files carry otherwise
        figure.savefig(partial, format="png", dpi=110, metadata={"Software": None})


def _draw(axes: Axes, overlay: Overlay, kind: str) -> None:
    axes.imshow(overlay.image, cmap="gray", vmin=0, vmax=255)
    axes.imshow(_coloured_parts(overlay))
    for mask, colour in ((overlay.truth, _TRUTH_COLOUR), (overlay.predicted, _PREDICTED_COLOUR)):
        # an outline needs both sides
        if mask.any() and not mask.all():
            axes.contour(mask, levels=[0.5], colors=[colour], linewidths=1.2)
    axes.set_title(f"{kind}: {overlay.title}", fontsize=8)


def _coloured_parts(overlay: Overlay) -> Floats:
    """Colour what is right, too much and lacking: RGBA `[H, W, 4]`, 0..1, transparent elsewhere."""
    truth, predicted = overlay.truth, overlay.predicted
    layer = np.zeros((*truth.shape, 4))
    parts = (truth & predicted, predicted & ~truth, truth & ~predicted)
    for mask, colour in zip(parts, _PARTS.values(), strict=True):
        layer[mask] = to_rgba(colour, _OPACITY)
    return layer
