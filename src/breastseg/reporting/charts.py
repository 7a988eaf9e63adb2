"""The charts that set two networks side by side, as SVG text: drawn from the tables that a run leaves alone."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from breastseg.evaluation.charts import COLOURS, draw_curve, finish_chart, start_chart
from breastseg.evaluation.per_image import lesion_dice
from breastseg.evaluation.statistics import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from breastseg.evaluation.per_image import Row

Pair = tuple["Row", "Row"]

_GREY = "#767676"


def lesion_pairs(rows: Iterable[Row]) -> list[Pair]:
    """Both networks' rows of every test lesion image, sorted by case."""
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row.subset == "test" and row.dice is not None:
            found[row.case_id][row.network] = row
    first, second = NETWORKS
    return [(pair[first], pair[second]) for _, pair in sorted(found.items())]


def paired_dots(pairs: Sequence[Pair]) -> str:
    """Dice of every lesion image under both networks, the two dots of an image joined."""
    figure, axes = start_chart("", "Dice")
    for pair in pairs:
        axes.plot((0, 1), [lesion_dice(row) for row in pair], color=_GREY, linewidth=0.6, alpha=0.4, zorder=1)
    for place, network in enumerate(NETWORKS):
        scores = [lesion_dice(pair[place]) for pair in pairs]
        axes.scatter([place] * len(scores), scores, s=14, color=COLOURS[network], zorder=2)
    axes.set_xticks((0, 1), NETWORKS)
    axes.set_xlim(-0.4, 1.4)
    return finish_chart(figure, "Dice of every lesion image under both networks")


def difference_by_size(pairs: Sequence[Pair]) -> str:
    """Difference in Dice of every lesion image against the size of its lesions."""
    first, second = NETWORKS
    figure, axes = start_chart("lesion pixels, share of the image", f"Dice: {second} - {first}")
    shares = [one.truth_px / (one.height * one.width) for one, _ in pairs]
    axes.scatter(shares, [lesion_dice(other) - lesion_dice(one) for one, other in pairs], s=14, color=_GREY)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    return finish_chart(figure, "Difference in Dice against lesion size")


def training_curves(dice: Mapping[str, Sequence[float]]) -> str:
    """Validation Dice by epoch.

    Args:
        dice: Of each network, a value an epoch.
    """
    figure, axes = start_chart("epoch", "validation Dice")
    for network, values in dice.items():
        draw_curve(axes, network, list(enumerate(values, start=1)), marker="")
    return finish_chart(figure, "Validation Dice by epoch")
