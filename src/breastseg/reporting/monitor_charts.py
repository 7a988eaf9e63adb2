"""Charts of what the service has seen, as SVG text: shares by day, and features against the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from breastseg.evaluation.charts import finish_chart, start_chart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOW, _REFERENCE = "#0072b2", "#767676"


def by_day(values: Mapping[str, float], what: str, limits: Mapping[str, tuple[float, float]] | None = None) -> str:
    """Draw a value a day, between its control limits where there are any.

    Args:
        values: By date.
        what: What they are, for the axis.
        limits: The lower and the upper one, by date.
    """
    figure, axes = start_chart("day (UTC)", what)
    days = list(values)
    axes.plot(days, list(values.values()), color=_NOW, marker="o", markersize=4)
    if limits:
        for side in zip(*limits.values(), strict=True):
            axes.step(list(limits), side, where="mid", color=_REFERENCE, linestyle="--")
    axes.set_ylim(bottom=0)
    # as many dates as can be read side by side
    shown = range(0, len(days), max(1, len(days) // 8))
    axes.set_xticks(list(shown), [days[place][5:] for place in shown])
    return finish_chart(figure, f"{what} by day")


def bins(name: str, reference: Sequence[float], now: Sequence[float]) -> str:
    """Draw the shares of images in the bins of a feature, in the reference and now; bins are of equal width here."""
    figure, axes = start_chart(f"bins of {name}, lowest first", "share of the images")
    places = np.arange(len(reference))
    axes.bar(places - 0.2, reference, width=0.4, color=_REFERENCE, label="reference")
    axes.bar(places + 0.2, now, width=0.4, color=_NOW, label="now")
    axes.set_xticks([])
    axes.legend(frameon=False)
    return finish_chart(figure, f"{name} against the reference")
