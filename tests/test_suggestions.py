"""Suggestions are similar names, and none where nothing is similar."""

from __future__ import annotations

import pytest

from breastseg.suggestions import nearest


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("patients", "patient"),
        ("PatientID", "patient"),
        ("patient_identifier", "patient"),
        ("mask_path", "masks"),
        ("case", "case_id"),
        ("BI-RADS", "birads"),
        ("imgae", "image"),
        ("age", None),
        ("class", None),
        ("operator", None),
        ("", None),
        ("---", None),
    ],
)
def test_the_nearest_name_is_a_similar_one_or_none(name: str, meant: str | None) -> None:
    assert nearest(name, ("image", "masks", "case_id", "patient", "birads")) == meant


def test_one_word_may_not_be_enough() -> None:
    assert nearest("port_8000_tcp_addr", ["port"]) == "port"
    assert nearest("port_8000_tcp_addr", ["port"], by_word=False) is None


def test_nothing_is_near_where_nothing_is_known() -> None:
    assert nearest("patient", ()) is None
