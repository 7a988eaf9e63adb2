"""Inputs and outputs of the stage `evaluate` for the small world, with untrained checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from breastseg.data.split_table import SplitRow, write_split
from breastseg.data.table import PreparedCase, write_table
from breastseg.evaluation.evaluate import Inputs, Outputs
from breastseg.models import checkpoint, cnn_unet, vit_unet
from breastseg.models.checkpoint import CheckpointSpec
from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.vit_unet import VitUnet
from tests.evaluation.world import ONCE, SIZE
from tests.unets import UNET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def make_inputs(root: Path, cases: Sequence[PreparedCase], checkpoints: Mapping[str, Path]) -> Inputs:
    """Write the tables: case after case goes to train, val, test; two cases of a subset are one group."""
    root.mkdir(parents=True, exist_ok=True)
    places = [
        SplitRow(case.case_id, f"group {i // 6} {i % 3}", i % 3, ("train", "val", "test")[i % 3])
        for i, case in enumerate(cases)
    ]
    write_table(cases, root / "cases.parquet")
    write_split(places, root / "splits.csv")
    return Inputs(root / "cases.parquet", root / "splits.csv", checkpoints, ONCE)


def make_outputs(root: Path) -> Outputs:
    """All outs below one folder, in the pipeline's layout."""
    return Outputs(
        headline=root / "metrics" / "evaluate.json",
        statistics=root / "metrics" / "statistics.json",
        per_image=root / "metrics" / "per_image.csv",
        reliability=root / "metrics" / "reliability.csv",
        risk_coverage=root / "plots" / "risk_coverage.csv",
        compute=root / "metrics" / "compute.json",
        operating_points=root / "models" / "operating_points.json",
        threshold_grid=root / "models" / "threshold_grid.parquet",
        overlays=root / "plots" / "overlays",
    )


def write_checkpoints(root: Path) -> dict[str, Path]:
    """Write one untrained checkpoint a network; a folder each."""
    torch.manual_seed(0)
    cnn, vit = CnnUnet.model_validate(UNET), VitUnet.model_validate({**UNET, "encoder": "tu-pvt_v2_b0"})
    networks = {"cnn_unet": (cnn, cnn_unet.build(cnn, 1, SIZE)), "vit_unet": (vit, vit_unet.build(vit, 1, SIZE))}
    for name, (params, network) in networks.items():
        spec = CheckpointSpec.model_validate(
            {"network": name, "channels": 1, "image_size": SIZE, "params": params.model_dump(mode="json")}
        )
        checkpoint.save(network, spec, root / name)
    return {name: root / name for name in networks}
