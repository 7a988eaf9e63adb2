"""What one training is given, so that nothing here depends on which network it trains."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from breastseg.models.checkpoint import CheckpointSpec
from breastseg.params.base import load
from breastseg.params.seed import Seed
from breastseg.params.train import Train
from breastseg.params.unet import check_batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from breastseg.models.network import SegmentationNetwork
    from breastseg.params.unet import Unet


@dataclass(frozen=True)
class TrainingPlan:
    """A training from its inputs to its outs.

    Attributes:
        spec: How to rebuild the network; stored beside its weights, and part of the scratch folder's key.
        build: Makes the network with fresh weights; it is called once, right after seeding.
        train: The shared protocol.
        unet: The network's section, which says how its encoder is trained.
        seed: Seed of the initial weights, the order of the cases and the augmentation.
        table: The prepared table.
        split: The split table.
        checkpoint: Folder that the best epoch's weights are written to.
        curves: Folder that DVCLive's curves are written to.
        scratch: Folder below which the state of unfinished trainings is kept.
    """

    spec: CheckpointSpec
    build: Callable[[], SegmentationNetwork]
    train: Train
    unet: Unet
    seed: int
    table: Path
    split: Path
    checkpoint: Path
    curves: Path
    scratch: Path


def plan_stage(
    network: Literal["cnn_unet", "vit_unet"], params: Unet, build: Callable[[int, int], SegmentationNetwork]
) -> TrainingPlan:
    """Plan a stage of the pipeline, run from the root of the repository.

    Args:
        network: The network; it names the outs.
        params: The network's section.
        build: Makes the network from channels and image size.

    Raises:
        ProblemsError: `params.yaml` does not hold, or the network cannot be trained on such batches.
    """
    train = load("train", Train)
    check_batch(network, params, train)
    shape = {"channels": train.channels, "image_size": train.image_size}
    return TrainingPlan(
        spec=CheckpointSpec.model_validate({"network": network, "params": params.model_dump(mode="json"), **shape}),
        build=partial(build, train.channels, train.image_size),
        train=train,
        unet=params,
        seed=load("seed", Seed),
        table=Path("data/prepared/cases.parquet"),
        split=Path("data/splits.csv"),
        checkpoint=Path("models", network),
        curves=Path("plots", network),
        # DVC_ROOT is the main repository, also in the temporary copies that experiments run in
        scratch=Path(os.environ.get("DVC_ROOT", "."), ".scratch", "training"),
    )
