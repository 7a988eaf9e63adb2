from __future__ import annotations

import pytest

from breastseg.wording import counted, nearest


@pytest.mark.parametrize(("count", "told"), [(0, "0 images"), (1, "1 image"), (2, "2 images")])
def test_one_has_no_s(count: int, told: str) -> None:
    assert counted(count, "image") == told


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("patients", "patient"),
        ("PatientID", "patient"),
        ("patient_identifier", "patient"),
        ("mask_path", "masks"),
        ("case", "case_id"),
        ("BI-RADS", "birads"),
        ("operator", None),
        ("", None),
        ("---", None),
    ],
)
def test_the_nearest_name_is_a_similar_one_or_none(name: str, meant: str | None) -> None:
    assert nearest(name, ("masks", "case_id", "patient", "birads")) == meant


def test_nothing_is_near_where_nothing_is_known() -> None:
    assert nearest("patient", ()) is None
