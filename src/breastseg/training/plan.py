"""What one training is given, so that nothing here depends on which network it trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from breastseg.models.checkpoint import CheckpointSpec
    from breastseg.models.network import SegmentationNetwork
    from breastseg.params.train import Train


@dataclass(frozen=True)
class TrainingPlan:
    """A training from its inputs to its outs.

    Attributes:
        spec: How to rebuild the network; stored beside its weights, and part of the scratch folder's key.
        build: Makes the network with fresh weights; it is called once, right after seeding.
        train: The shared protocol.
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
    seed: int
    table: Path
    split: Path
    checkpoint: Path
    curves: Path
    scratch: Path
