"""The dashboard's file is whole: Grafana draws what is in it without a word about what is not."""

from __future__ import annotations

from collections import Counter
from itertools import product

from tests.deploy.files import ALERTS, DASHBOARD, PANELS, VARIABLES

DRAWN = [panel for panel in PANELS if panel["type"] != "row"]


def cells(place: dict[str, int]) -> list[tuple[int, int]]:
    """The places of the grid that a panel takes."""
    columns = range(place["x"], place["x"] + place["w"])
    return list(product(columns, range(place["y"], place["y"] + place["h"])))


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert max(Counter(panel["id"] for panel in PANELS).values()) == 1
    taken = Counter(cell for panel in PANELS for cell in cells(panel["gridPos"]))
    assert max(taken.values()) == 1
    assert all(column < 24 for column, _ in taken)


def test_the_data_source_is_chosen_by_who_looks() -> None:
    assert VARIABLES[0]["name"] == "datasource"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    asking = [
        *DRAWN,
        *(target for panel in DRAWN for target in panel["targets"]),
        *VARIABLES[1:],
        *DASHBOARD["annotations"]["list"],
    ]
    assert [asked for asked in asking if asked["datasource"] != chosen] == []


def test_every_panel_asks_for_something_and_every_query_has_its_own_letter() -> None:
    for panel in DRAWN:
        letters = [target["refId"] for target in panel["targets"]]
        assert letters, panel["title"]
        assert len(set(letters)) == len(letters)


def test_lines_in_panels_are_where_alerts_begin() -> None:
    drawn = {
        panel["description"].partition("line is where ")[2].split(" ")[0]: panel["fieldConfig"]["defaults"][
            "thresholds"
        ]
        for panel in DRAWN
        if "line is where " in panel.get("description", "")
    }
    assert len(drawn) == 5
    for alert, thresholds in drawn.items():
        value = thresholds["steps"][1]["value"]
        assert f"> {value}" in ALERTS[alert]["expr"] or f"< {value}" in ALERTS[alert]["expr"], alert
