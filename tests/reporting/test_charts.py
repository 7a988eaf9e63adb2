"""Charts show what is in the tables: a dot an image, a curve a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breastseg.evaluation.charts import COLOURS
from breastseg.evaluation.statistics import NETWORKS
from breastseg.reporting import charts
from tests.evaluation import world

if TYPE_CHECKING:
    from breastseg.evaluation.per_image import Row


def rows_of_both() -> list[Row]:
    return [world.row(network, i, world.ellipse()) for network in NETWORKS for i in range(12)]


def test_pairs_are_the_test_lesion_images_under_both_networks() -> None:
    rows = rows_of_both()
    elsewhere = [world.row(network, 13, world.ellipse(), subset="val") for network in NETWORKS]
    pairs = charts.lesion_pairs([*rows, *elsewhere])
    lesions = sorted({row.case_id for row in rows if row.dice is not None})
    assert [pair[0].case_id for pair in pairs] == lesions
    assert {(pair[0].network, pair[1].network) for pair in pairs} == {NETWORKS}


def test_there_is_a_dot_an_image_and_network() -> None:
    pairs = charts.lesion_pairs(rows_of_both())
    drawn = charts.paired_dots(pairs)
    for network in NETWORKS:
        assert drawn.count(f"fill: {COLOURS[network]}") >= len(pairs)
    assert drawn.startswith("<svg")


def test_a_chart_tells_of_no_date_and_no_program() -> None:
    dice = {"cnn_unet": [0.1, 0.5], "vit_unet": [0.2, 0.6]}
    drawn = charts.training_curves(dice)
    assert "dc:date" not in drawn
    assert "Matplotlib v" not in drawn
    assert drawn == charts.training_curves(dice)
