"""Evaluates both networks on the test cases, each at the operating point chosen on validation cases."""

from __future__ import annotations

from pathlib import Path

from breastseg.evaluation.evaluate import Inputs, Outputs, evaluate
from breastseg.params.base import load
from breastseg.params.evaluate import Evaluate
from breastseg.params.inference import Inference


def main() -> None:
    """Read the params, evaluate, write metrics, operating points, threshold grid and overlays."""
    evaluate(
        Inputs(
            table=Path("data/prepared/cases.parquet"),
            split=Path("data/splits.csv"),
            checkpoints={"cnn_unet": Path("models/cnn_unet"), "vit_unet": Path("models/vit_unet")},
            asked=load("inference", Inference),
        ),
        Outputs(
            headline=Path("metrics/evaluate.json"),
            statistics=Path("metrics/statistics.json"),
            per_image=Path("metrics/per_image.csv"),
            reliability=Path("metrics/reliability.csv"),
            risk_coverage=Path("plots/risk_coverage.csv"),
            compute=Path("metrics/compute.json"),
            operating_points=Path("models/operating_points.json"),
            threshold_grid=Path("models/threshold_grid.parquet"),
            overlays=Path("plots/overlays"),
        ),
        load("evaluate", Evaluate),
    )


if __name__ == "__main__":
    main()
