"""Charts of confidence: a curve a network that has something to show, from the tables alone."""

from __future__ import annotations

from breastseg.evaluation import charts
from breastseg.evaluation.reliability import ReliabilityBin
from breastseg.evaluation.statistics import NETWORKS
from tests.evaluation import world


def test_each_network_has_a_curve_of_its_own() -> None:
    bins = [ReliabilityBin(network, "a", 3, 10, 2.2, 4) for network in NETWORKS]
    rows = [world.row(network, i, world.ellipse()) for network in NETWORKS for i in range(12)]
    for drawn in (charts.reliability(bins), charts.risk_coverage(rows)):
        assert all(charts.COLOURS[network] in drawn for network in NETWORKS)
        assert drawn.startswith("<svg")


def test_without_a_lesion_image_there_is_no_curve() -> None:
    for drawn in (charts.reliability([]), charts.risk_coverage([])):
        assert not any(colour in drawn for colour in charts.COLOURS.values())


def test_a_chart_changes_with_what_it_shows_and_with_nothing_else() -> None:
    honest, not_honest = ([ReliabilityBin("cnn_unet", "a", 3, 10, 2.2, lesion)] for lesion in (2, 9))
    assert charts.reliability(honest) == charts.reliability(honest)
    assert charts.reliability(honest) != charts.reliability(not_honest)
