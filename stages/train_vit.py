"""Trains the U-Net with a vision-transformer encoder."""

from __future__ import annotations

import os
from pathlib import Path

from breastseg.models import vit_unet
from breastseg.models.checkpoint import CheckpointSpec
from breastseg.params.base import load
from breastseg.params.seed import Seed
from breastseg.params.train import Train
from breastseg.params.vit_unet import VitUnet
from breastseg.training.fit import fit
from breastseg.training.plan import TrainingPlan


def main() -> None:
    """Read the params, train, write `models/vit_unet` and `plots/vit_unet`."""
    train = load("train", Train)
    params = load("vit_unet", VitUnet)
    fit(
        TrainingPlan(
            spec=CheckpointSpec(
                network="vit_unet",
                channels=train.channels,
                image_size=train.image_size,
                params=params.model_dump(mode="json"),
            ),
            build=lambda: vit_unet.build(params, train.channels, train.image_size),
            train=train,
            seed=load("seed", Seed),
            table=Path("data/prepared/cases.parquet"),
            split=Path("data/splits.csv"),
            checkpoint=Path("models/vit_unet"),
            curves=Path("plots/vit_unet"),
            # DVC_ROOT is the main repository, also in the temporary copies of queued experiments
            scratch=Path(os.environ.get("DVC_ROOT", "."), ".scratch", "training"),
        )
    )


if __name__ == "__main__":
    main()
