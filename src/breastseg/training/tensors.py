"""Decodes and letterboxes every case once, into tensors that all epochs read."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from breastseg.data.split_table import read_split
from breastseg.data.table import read_table
from breastseg.errors import Problem, ProblemsError
from breastseg.inference.letterbox import Letterbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from breastseg.data.table import PreparedCase
    from breastseg.params.train import Train

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]

BACKGROUND: Final = 0
LESION: Final = 1
# of a data set's images: with fewer of a kind it has only the other
_LEAST_SHARE: Final = 0.02
# above LESION: not judged. Ignored pixels are image content, padding is black, in training as in the service
IGNORED: Final = 2
PADDING: Final = 3


@dataclass(frozen=True)
class CaseTensors:
    """Cases at training size, in the order of the prepared table.

    Attributes:
        images_nchw: uint8 `[N, C, S, S]`, 0..255, black on the padding.
        targets_nchw: uint8 `[N, 1, S, S]`: `BACKGROUND`, `LESION`, `IGNORED` or `PADDING`.
        sets: Names of the data sets that the N cases are of.
        presence_weights: float32 `[N]`, how much the presence head learns from each case, with a mean of 1. It learns
            nothing from a normal that shows a lesion image (see `CaseRow.doubtful_normal`), nor from a data set of
            which fewer than 2 % of the images show a lesion, or fewer than 2 % show none, since that would teach it to
            tell scanners apart. The others count equally. Where no data set has both kinds, all weights are 1.
    """

    images_nchw: torch.Tensor
    targets_nchw: torch.Tensor
    sets: tuple[str, ...]
    presence_weights: torch.Tensor

    def __len__(self) -> int:
        return len(self.images_nchw)


@dataclass(frozen=True)
class Batches:
    """Batches of (uint8 images, uint8 targets, float32 presence weights) in a given order of the cases.

    Attributes:
        cases: The cases.
        order: Indices of the cases, int64.
        batch_size: Cases a batch; the last batch has those that are left.
    """

    cases: CaseTensors
    order: torch.Tensor
    batch_size: int

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        cases = self.cases
        for index in torch.split(self.order, self.batch_size):
            yield cases.images_nchw[index], cases.targets_nchw[index], cases.presence_weights[index]


def load_training_cases(table: Path, split: Path, train: Train) -> tuple[CaseTensors, CaseTensors]:
    """Load the training and the validation cases; test cases are never opened.

    Raises:
        ProblemsError: A subset is empty or too small for so many processes, the table lacks cases of the split, or no
            validation case has a lesion.
    """
    rows = read_split(split)
    subsets = {name: {row.case_id for row in rows if row.subset == name} for name in ("train", "val")}
    mend = "Ask for fewer split.folds or another split.val_share, then run `dvc repro split`"
    if empty := [name for name, ids in subsets.items() if not ids]:
        raise ProblemsError(f"{split} cannot be trained on", [Problem(n, "has no case", mend) for n in empty])
    _check_shares(split, {name: len(ids) for name, ids in subsets.items()}, train)
    cases, validation = (load_cases(table, ids, train.image_size, train.channels) for ids in subsets.values())
    if unknown := sorted(set(train.set_weights) - set(cases.sets)):
        mend = f"The training cases are of {', '.join(sorted(set(cases.sets)))}"
        problems = [
            Problem(f"train.set_weights.{name}", "weighs a data set without training cases", mend) for name in unknown
        ]
        raise ProblemsError("Weights of unknown data sets", problems)
    if not bool((validation.targets_nchw == LESION).any()):
        raise ProblemsError(f"{split} cannot be trained on", [Problem("val", "has no case with a lesion", mend)])
    return cases, validation


def _check_shares(split: Path, counts: dict[str, int], train: Train) -> None:
    """Refuse subsets of which some process would get no share, or one that is smaller than another's."""
    least = {"train": train.batch_size, "val": train.processes} if train.processes > 1 else {}
    mend = "Set train.devices, train.nodes or train.batch_size lower"
    problems = [
        Problem(name, f"has {counts[name]} cases, {train.processes} processes need {count}", mend)
        for name, count in least.items()
        if counts[name] < count
    ]
    if problems:
        raise ProblemsError(f"{split} cannot be shared", problems)


def load_cases(table: Path, case_ids: Collection[str], size: int, channels: Literal[1, 3]) -> CaseTensors:
    """Decode and letterbox cases; memory is `(channels + 1) * size**2` bytes a case.

    Args:
        table: The prepared table.
        case_ids: The cases.
        size: Side S of the square, in pixels.
        channels: 1 (grey) or 3 (RGB).

    Raises:
        ProblemsError: The table lacks some of the cases.
    """
    images = np.empty((len(case_ids), channels, size, size), np.uint8)
    targets = np.empty((len(case_ids), 1, size, size), np.uint8)
    sets: list[str] = []
    kinds: list[bool | None] = []
    cases = tqdm(read_table(table, case_ids), "decode", len(case_ids), unit="case", delay=2)
    for i, case in enumerate(cases):
        box = Letterbox(case.height, case.width, size)
        images[i] = box.image(case.image(), channels)
        targets[i, 0] = _target(case, box)
        sets.append(case.dataset)
        kinds.append(None if case.doubtful_normal else case.lesions > 0)
    return CaseTensors(torch.from_numpy(images), torch.from_numpy(targets), tuple(sets), _presence_weights(sets, kinds))


def _presence_weights(sets: Sequence[str], kinds: Sequence[bool | None]) -> torch.Tensor:
    """Weigh the cases for the presence head, see `CaseTensors`; of each case, whether it shows a lesion, if known."""
    cases = list(zip(sets, kinds, strict=True))
    counts = Counter(cases)
    rarer = {name: min(counts[name, True], counts[name, False]) for name in set(sets)}
    mixed = {name for name, count in rarer.items() if count and count >= _LEAST_SHARE * Counter(sets)[name]}
    weights = torch.tensor([float(name in mixed and kind is not None) for name, kind in cases])
    return weights / weights.mean() if weights.any() else torch.ones(len(sets))


def _target(case: PreparedCase, box: Letterbox) -> npt.NDArray[np.uint8]:
    target = box.mask(case.mask()).astype(np.uint8)  # false and true are BACKGROUND and LESION
    if (ignored := case.ignored()) is not None:
        target[box.mask(ignored)] = IGNORED
    target[~box.inside()] = PADDING
    return target
