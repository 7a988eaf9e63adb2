"""Charts of confidence: a curve a network that has something to show, from the tables alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from matplotlib.text import Text

from breastseg.evaluation import charts
from breastseg.evaluation.reliability import ReliabilityBin
from breastseg.evaluation.statistics import NETWORKS
from breastseg.inference.contract import INTENDED_USE
from tests.evaluation import world

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DC = "{http://purl.org/dc/elements/1.1/}"


def test_each_network_has_a_curve_of_its_own() -> None:
    bins = [ReliabilityBin(network, "a", 3, 10, 2.2, 4) for network in NETWORKS]
    rows = [world.row(network, i, world.ellipse()) for network in NETWORKS for i in range(12)]
    for drawn in (charts.reliability(bins), charts.risk_coverage(rows)):
        assert all(charts.COLOURS[network] in drawn for network in NETWORKS)
        assert drawn.startswith("<svg")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Axes]:
    """The axes of each chart that is finished."""
    found: list[Axes] = []

    def keep(figure: Figure, _title: str) -> str:
        found.extend(figure.axes)
        return ""

    monkeypatch.setattr(charts, "finish_chart", keep)
    return found


def curves(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    return {
        str(line.get_label()): [(x, y) for x, y in np.asarray(line.get_xydata()).round(6).tolist()]
        for line in axes.get_lines()
    }


def test_reliability_lies_over_the_mean_probability_beside_the_diagonal(drawn: list[Axes]) -> None:
    bins = [ReliabilityBin("cnn_unet", "a", 3, 10, 2.0, 4), ReliabilityBin("cnn_unet", "b", 3, 10, 3.0, 5)]
    charts.reliability([*bins, ReliabilityBin("cnn_unet", "a", 9, 4, 2.4, 1)])
    diagonal, *networks = curves(drawn[0]).items()
    assert diagonal[1] == [(0, 0), (1, 1)]
    assert drawn[0].get_lines()[0].get_linestyle() == "--"
    assert networks == [("cnn_unet", [(0.25, 0.45), (0.6, 0.25)])]


def test_risk_lies_over_coverage_the_surest_image_first(drawn: list[Axes]) -> None:
    rows = [
        replace(world.row("vit_unet", i, world.ellipse()), dice=dice, expected_dice=expected)
        for i, (dice, expected) in enumerate([(0.5, 0.7), (0.9, 0.95)], start=1)
    ]
    charts.risk_coverage(rows)
    assert curves(drawn[0]) == {"vit_unet": [(0.5, 0.1), (1, 0.3)]}


def test_a_curve_of_one_point_is_a_dot(drawn: list[Axes]) -> None:
    charts.risk_coverage([world.row("vit_unet", 1, world.ellipse())])
    (line,) = drawn[0].get_lines()
    assert line.get_marker() == "o"


def test_charts_say_at_their_foot_what_they_are_not_for(drawn: list[Axes]) -> None:
    charts.risk_coverage([])
    figure = cast("Figure", drawn[0].figure)
    assert figure.get_supxlabel() == INTENDED_USE
    figure.draw_without_rendering()
    (foot,) = (text for text in figure.findobj(Text) if text.get_text() == INTENDED_USE)
    box = foot.get_window_extent()
    assert box.y0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert box.y1 < drawn[0].xaxis.label.get_window_extent().y0


@pytest.mark.parametrize(
    ("draw", "title"), [(charts.reliability, "Reliability of"), (charts.risk_coverage, "Risk against")]
)
def test_a_file_alone_says_what_it_shows_and_what_it_is_not_for(draw: Callable[[list[Any]], str], title: str) -> None:
    root = ET.fromstring(draw([]))  # noqa: S314 - our own file
    assert (root.findtext("{http://www.w3.org/2000/svg}title") or "").startswith(title)
    assert root.findtext(f".//{DC}description") == INTENDED_USE
    assert root.find(f".//{DC}date") is None


def test_without_a_lesion_image_there_is_no_curve() -> None:
    for drawn in (charts.reliability([]), charts.risk_coverage([])):
        assert not any(colour in drawn for colour in charts.COLOURS.values())


def test_a_chart_changes_with_what_it_shows_and_with_nothing_else() -> None:
    honest, not_honest = ([ReliabilityBin("cnn_unet", "a", 3, 10, 2.2, lesion)] for lesion in (2, 9))
    assert charts.reliability(honest) == charts.reliability(honest)
    assert charts.reliability(honest) != charts.reliability(not_honest)
