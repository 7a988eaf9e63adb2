from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError
from breastseg.evaluation.operating_points_file import read_operating_points, write_operating_points
from breastseg.inference.lesions import OperatingPoint

if TYPE_CHECKING:
    from pathlib import Path


def test_operating_points_come_back_as_they_were(tmp_path: Path) -> None:
    points = {"cnn_unet": OperatingPoint(1.2345, 0.35, 0.0005), "vit_unet": OperatingPoint(0.5, 0.95, 0.0)}
    write_operating_points(points, tmp_path / "models" / "points.json")
    assert read_operating_points(tmp_path / "models" / "points.json") == points


@pytest.mark.parametrize("content", [None, "", "{", '{"cnn_unet": {"temperature": 0}}', "[]"])
def test_what_holds_no_points_is_refused(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BreastsegError, match="holds no operating points"):
        read_operating_points(path)
