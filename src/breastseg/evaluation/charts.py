"""Charts of how far a network's confidence can be trusted, as SVG text: drawn from the tables of a judgement alone."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from breastseg.evaluation.reliability import BINS, ReliabilityBin
from breastseg.evaluation.risk_coverage import risk_coverage_curve
from breastseg.evaluation.statistics import NETWORKS
from breastseg.inference.contract import INTENDED_USE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from breastseg.evaluation.per_image import Row

# told apart by people who do not tell red from green (Okabe and Ito 2008, https://jfly.uni-koeln.de/color/)
COLOURS = dict(zip(NETWORKS, ("#0072b2", "#d55e00"), strict=True))
_SIZE_INCHES = (6.4, 4.0)
_FOOTER_COLOUR = "#555555"


def reliability(bins: Sequence[ReliabilityBin]) -> str:
    """How often pixels near outlines are lesion, against what the networks say; a curve a network that has bins."""
    figure, axes = start_chart("mean probability", "share of lesion pixels")
    axes.plot((0, 1), (0, 1), color="black", linewidth=0.8, linestyle="--")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for network in NETWORKS:
        draw_curve(axes, network, [point for place in range(BINS) if (point := _pooled(bins, network, place))])
    return finish_chart(figure, "Reliability of the probabilities of pixels near the outlines")


def risk_coverage(rows: Sequence[Row]) -> str:
    """What is lost in Dice on the lesion images that each network is surest of; a curve a network that has any."""
    figure, axes = start_chart("kept share of the lesion images, surest first", "mean of 1 - Dice")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    curve = risk_coverage_curve(rows)
    for network in NETWORKS:
        points = [(point.coverage, point.risk) for point in curve if point.network == network]
        draw_curve(axes, network, points, marker="")
    return finish_chart(figure, "Risk against coverage of the lesion images")


def _pooled(bins: Sequence[ReliabilityBin], network: str, place: int) -> tuple[float, float] | None:
    held = [bin_ for bin_ in bins if bin_.network == network and bin_.bin == place]
    pixels = sum(bin_.pixels for bin_ in held)
    if not pixels:
        return None
    return sum(bin_.probability_sum for bin_ in held) / pixels, sum(bin_.lesion_px for bin_ in held) / pixels


def start_chart(across: str, up: str) -> tuple[Figure, Axes]:
    """Start a chart with what its axes show, and at its foot what it is not for: charts are passed on alone."""
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    # not as free text, which the layout would let lie over the axis label
    figure.supxlabel(INTENDED_USE, x=0.99, horizontalalignment="right", fontsize="x-small", color=_FOOTER_COLOUR)
    return figure, axes


def draw_curve(axes: Axes, network: str, points: Sequence[tuple[float, float]], marker: str = "o") -> None:
    """Draw one network's curve in its colour and name it; nothing where there is no point, a dot where there is one."""
    if points:
        marker = marker if len(points) > 1 else "o"
        axes.plot(*zip(*points, strict=True), color=COLOURS[network], marker=marker, markersize=4, label=network)
        axes.legend(frameon=False)


def finish_chart(figure: Figure, title: str) -> str:
    """Write the chart as SVG; without a date and with fixed ids, the same chart gives the same text.

    Args:
        figure: The chart.
        title: What it shows; in the file's metadata, where a browser's tab and a screen reader find it.
    """
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "breastseg", "svg.fonttype": "path"}):
        about = {"Title": title, "Description": INTENDED_USE, "Date": None, "Creator": None}
        figure.savefig(stream, format="svg", metadata=about)
    text = stream.getvalue()
    return text[text.index("<svg") :]
