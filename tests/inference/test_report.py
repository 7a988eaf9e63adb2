"""What is told about an image is read back from earlier services too."""

from __future__ import annotations

from typing import Any

import pytest

from breastseg.inference.report import AssessedReport

LESION = {"box": [1, 2, 3, 4], "polygon": [[1, 2], [3, 2], [3, 4]], "area_px": 4, "area_share": 0.1, "confidence": 0.9}
MODEL = {"name": "m", "version": "1", "contract_sha256": "0" * 64}


def answer(**values: object) -> dict[str, Any]:
    return {
        "lesions": [LESION],
        "image": {"width": 4, "height": 5},
        "model": MODEL,
        "notice": "",
        "quality": [],
        "expected_dice": 0.8,
        "out_of_distribution": False,
        "novelty": 1.0,
    } | values


@pytest.mark.parametrize(
    ("values", "expected"),
    [({}, 0.8), ({"out_of_distribution": None}, 0.8), ({"out_of_distribution": True}, None), ({"lesions": []}, None)],
    ids=["grounded", "no-profile", "out-of-distribution", "no-lesion"],
)
def test_a_groundless_expected_dice_of_an_earlier_service_is_left_out(
    values: dict[str, Any], expected: float | None
) -> None:
    assert AssessedReport.model_validate(answer(**values)).expected_dice == expected
