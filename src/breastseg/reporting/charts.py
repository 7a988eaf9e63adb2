"""The charts of the report, as SVG text: drawn from the tables that a run leaves, and from nothing else."""

from __future__ import annotations

import io
from collections import defaultdict
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from breastseg.evaluation.reliability import BINS, ReliabilityBin
from breastseg.evaluation.risk_coverage import risk_coverage_curve
from breastseg.evaluation.statistics import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes

    from breastseg.evaluation.per_image import Row

Pair = tuple["Row", "Row"]

# told apart by people who do not tell red from green (Okabe and Ito 2008, https://jfly.uni-koeln.de/color/)
COLOURS = dict(zip(NETWORKS, ("#0072b2", "#d55e00"), strict=True))
_GREY = "#767676"
_SIZE_INCHES = (6.4, 4.0)


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
    figure, axes = _start("", "Dice")
    for pair in pairs:
        axes.plot((0, 1), [_dice(row) for row in pair], color=_GREY, linewidth=0.6, alpha=0.4, zorder=1)
    for place, network in enumerate(NETWORKS):
        scores = [_dice(pair[place]) for pair in pairs]
        axes.scatter([place] * len(scores), scores, s=14, color=COLOURS[network], zorder=2)
    axes.set_xticks((0, 1), NETWORKS)
    axes.set_xlim(-0.4, 1.4)
    return _finish(figure)


def difference_by_size(pairs: Sequence[Pair]) -> str:
    """Difference in Dice of every lesion image against the size of its lesions."""
    first, second = NETWORKS
    figure, axes = _start("lesion pixels, share of the image", f"Dice: {second} - {first}")
    shares = [one.truth_px / (one.height * one.width) for one, _ in pairs]
    axes.scatter(shares, [_dice(other) - _dice(one) for one, other in pairs], s=14, color=_GREY)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    return _finish(figure)


def reliability(bins: Sequence[ReliabilityBin]) -> str:
    """How often pixels near outlines are lesion, against what the networks say."""
    figure, axes = _start("mean probability", "share of lesion pixels")
    axes.plot((0, 1), (0, 1), color="black", linewidth=0.8, linestyle="--")
    for network in NETWORKS:
        points = [point for place in range(BINS) if (point := _pooled(bins, network, place))]
        _draw(axes, network, points)
    return _finish(figure)


def risk_coverage(rows: Sequence[Row]) -> str:
    """What is lost in Dice on the lesion images that each network is surest of."""
    figure, axes = _start("kept share of the lesion images, surest first", "mean of 1 - Dice")
    for network in NETWORKS:
        curve = [point for point in risk_coverage_curve(rows) if point.network == network]
        _draw(axes, network, [(point.coverage, point.risk) for point in curve], marker="")
    return _finish(figure)


def training_curves(dice: Mapping[str, Sequence[float]]) -> str:
    """Validation Dice by epoch.

    Args:
        dice: Of each network, a value an epoch.
    """
    figure, axes = _start("epoch", "validation Dice")
    for network, values in dice.items():
        _draw(axes, network, list(enumerate(values, start=1)), marker="")
    return _finish(figure)


def _dice(row: Row) -> float:
    """The Dice of a lesion image."""
    return row.dice or 0.0


def _pooled(bins: Sequence[ReliabilityBin], network: str, place: int) -> tuple[float, float] | None:
    held = [bin_ for bin_ in bins if bin_.network == network and bin_.bin == place]
    pixels = sum(bin_.pixels for bin_ in held)
    if not pixels:
        return None
    return sum(bin_.probability_sum for bin_ in held) / pixels, sum(bin_.lesion_px for bin_ in held) / pixels


def _start(across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _draw(axes: Axes, network: str, points: Sequence[tuple[float, float]], marker: str = "o") -> None:
    axes.plot(*zip(*points, strict=True), color=COLOURS[network], marker=marker, markersize=4, label=network)
    axes.legend(frameon=False)


def _finish(figure: Figure) -> str:
    """Write the figure as SVG; without a date and with fixed ids, the same figure gives the same text."""
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "breastseg", "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
