"""Trains the U-Net with a convolutional encoder."""

from __future__ import annotations

import os
from pathlib import Path

from breastseg.models import cnn_unet
from breastseg.models.checkpoint import CheckpointSpec
from breastseg.params.base import load
from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.seed import Seed
from breastseg.params.train import Train
from breastseg.training.fit import fit
from breastseg.training.plan import TrainingPlan


def main() -> None:
    """Read the params, train, write `models/cnn_unet` and `plots/cnn_unet`."""
    train = load("train", Train)
    params = load("cnn_unet", CnnUnet)
    fit(
        TrainingPlan(
            spec=CheckpointSpec(
                network="cnn_unet",
                channels=train.channels,
                image_size=train.image_size,
                params=params.model_dump(mode="json"),
            ),
            build=lambda: cnn_unet.build(params, train.channels, train.image_size),
            train=train,
            seed=load("seed", Seed),
            table=Path("data/prepared/cases.parquet"),
            split=Path("data/splits.csv"),
            checkpoint=Path("models/cnn_unet"),
            curves=Path("plots/cnn_unet"),
            # DVC_ROOT is the main repository, also in the temporary copies of queued experiments
            scratch=Path(os.environ.get("DVC_ROOT", "."), ".scratch", "training"),
        )
    )


if __name__ == "__main__":
    main()
