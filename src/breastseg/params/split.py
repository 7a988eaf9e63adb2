"""The section `split`: folds, and which of them is the test set."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from breastseg.params.base import Section
from breastseg.params.seed import Seed  # noqa: TC001 - pydantic reads it at run time


class Split(Section):
    """Knobs of the split table.

    Attributes:
        seed: Seed of the assignment to folds.
        folds: Number of folds, stratified by label.
        fold: The fold whose cases are the test set, from 0.
        val_share: Share of the other cases that become the validation set, 0..0.5.
        train_share: Share of the groups of each label that is kept for training, for a learning curve; the rest is in
            no subset.
        held_out_sets: Data sets of which every case is a test case, in all folds, with all that may not be parted from
            it.
        grouped: Keep groups of patients and near-duplicates together. `False` draws case by case, as many public
            projects do: that leaks, and is there to measure how much.
    """

    seed: Seed
    folds: int = Field(ge=2, le=50)
    fold: int = Field(ge=0)
    val_share: float = Field(gt=0, le=0.5)
    train_share: float = Field(gt=0, le=1)
    held_out_sets: tuple[str, ...]
    grouped: bool

    @model_validator(mode="after")
    def _fold_exists(self) -> Self:
        if self.fold >= self.folds:
            raise ValueError(f"fold {self.fold} does not exist: with {self.folds} folds it is 0 to {self.folds - 1}")
        return self
