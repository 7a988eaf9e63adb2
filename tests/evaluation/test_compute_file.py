from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breastseg.errors import BreastsegError
from breastseg.evaluation.compute_file import format_cost, network_cost, read_costs, write_costs

if TYPE_CHECKING:
    from pathlib import Path


def test_costs_come_back_in_millions_and_thousand_millions(tmp_path: Path) -> None:
    costs = {"cnn_unet": network_cost(5_025_785, 397_527_328), "vit_unet": network_cost(4_235_137, 414_400_512)}
    write_costs(costs, tmp_path / "compute.json")
    assert read_costs(tmp_path / "compute.json") == costs
    assert costs["cnn_unet"].params_m == 5.02578
    assert costs["vit_unet"].macs_g == 0.414401
    assert format_cost(costs["cnn_unet"]) == ["5.03", "0.40"]


@pytest.mark.parametrize(
    "text", ["", "{}}", '{"cnn_unet": {"params_m": 1.0}}', '{"cnn_unet": {"params_m": 0, "macs_g": 1}}']
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "compute.json").write_text(text)
    with pytest.raises(BreastsegError, match=r"(?s)compute\.json holds no costs.*dvc repro evaluate"):
        read_costs(tmp_path / "compute.json")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BreastsegError, match="dvc repro evaluate"):
        read_costs(tmp_path / "gone.json")


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    write_costs({"cnn_unet": network_cost(1_000_000, 2_000_000)}, tmp_path / "compute.json")
    with pytest.raises(BreastsegError, match=r"compute\.json holds no costs of vit_unet\."):
        read_costs(tmp_path / "compute.json")
