from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from breastseg.errors import BreastsegError
from breastseg.evaluation.comparison import compute_statistics
from breastseg.evaluation.report import headline, read_comparison, read_statistics, write_statistics
from tests.evaluation import world

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.evaluation.per_image import Row
    from breastseg.evaluation.statistics import Statistic
    from breastseg.params.evaluate import Evaluate


def compute(rows: list[Row], params: Evaluate) -> list[Statistic]:
    return compute_statistics(rows, world.some_bins(rows), params)


def table(*, normals: bool = True) -> list[Row]:
    """Both networks mark one and the same ellipse everywhere; the second misses case 1."""
    cases = [i for i in range(12) if normals or i % 4]
    rows = [world.row(network, i, world.ellipse()) for network in ("cnn_unet", "vit_unet") for i in cases]
    empty = np.zeros((world.HEIGHT, world.WIDTH), np.bool_)
    return [world.row("vit_unet", 1, empty) if (r.network, r.case_id) == ("vit_unet", "case 001") else r for r in rows]


def test_the_headline_has_the_names_that_others_rely_on(params: Evaluate) -> None:
    rows = table()
    numbers = headline(compute(rows, params))
    assert list(numbers) == ["cnn_unet", "vit_unet", "difference"]
    assert list(numbers["cnn_unet"]) == ["dice", "iou", "hd95_px", "nsd2", "normal_fpr", "missed"]
    assert {"dice", "dice_ci_low", "dice_ci_high", "p_value"} <= numbers["difference"].keys()
    assert sum(map(len, numbers.values())) <= 20
    assert (numbers["cnn_unet"]["missed"], numbers["vit_unet"]["missed"]) == (0, 1)
    assert numbers["cnn_unet"]["normal_fpr"] == 1
    dice = [row.dice for row in rows if row.network == "vit_unet" and row.truth_px]
    assert numbers["vit_unet"]["dice"] == pytest.approx(np.mean(np.array(dice, float)), rel=1e-5)


def test_without_normals_their_rate_is_left_out(params: Evaluate) -> None:
    numbers = headline(compute(table(normals=False), params))
    assert "normal_fpr" not in numbers["cnn_unet"]


def test_statistics_come_back_as_they_were(tmp_path: Path, params: Evaluate) -> None:
    statistics = compute(table(), params)
    write_statistics(statistics, tmp_path / "statistics.json")
    assert read_statistics(tmp_path / "statistics.json") == statistics
    records = json.loads((tmp_path / "statistics.json").read_text())
    assert all(not isinstance(value, dict | list) for record in records for value in record.values())


@pytest.mark.parametrize("content", [None, "{}", '[{"network": "cnn_unet"}]'])
def test_what_holds_no_statistics_is_refused(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "statistics.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BreastsegError, match="holds no statistics") as error:
        read_statistics(path)
    assert "\n" not in str(error.value)
    assert "http" not in str(error.value)


def test_a_comparison_is_read_where_there_is_one(tmp_path: Path, params: Evaluate) -> None:
    statistics = compute(table(), params)
    write_statistics(statistics, tmp_path / "s.json")
    assert read_comparison(tmp_path / "s.json") == statistics
    write_statistics([row for row in statistics if row.network == "vit_unet"], tmp_path / "s.json")
    with pytest.raises(BreastsegError, match=r"s\.json compares no two networks.*Run `dvc repro evaluate`"):
        read_comparison(tmp_path / "s.json")
