"""Export the network that `model` names as models/release/model.onnx."""

from __future__ import annotations

from pathlib import Path

from breastseg.export.release import ReleasePlan, release
from breastseg.params.base import load
from breastseg.params.data import Data
from breastseg.params.export import Export
from breastseg.params.inference import Inference
from breastseg.params.model import Model
from breastseg.params.monitoring import Monitoring
from breastseg.params.split import Split

if __name__ == "__main__":
    network = load("model", Model).root
    decided_by = ("seed", "data", "prepare", "split", "train", network, "inference", "evaluate", "export", "monitoring")
    release(
        ReleasePlan(
            network=network,
            params=load("export", Export),
            monitoring=load("monitoring", Monitoring),
            data=load("data", Data),
            held_out_sets=load("split", Split).held_out_sets,
            asked=load("inference", Inference),
            all_params={name: load(name, object) for name in decided_by},
            checkpoint=Path("models") / network,
            operating_points=Path("models/operating_points.json"),
            statistics=Path("metrics/statistics.json"),
            table=Path("data/prepared/cases.parquet"),
            split=Path("data/splits.csv"),
            release=Path("models/release"),
            report=Path("metrics/release.json"),
        )
    )
