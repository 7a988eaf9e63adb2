"""The order in which an epoch takes the training cases: those of data sets that weigh more come more often."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def epoch_order(sets: Sequence[str], weights: Mapping[str, float], stream: torch.Generator) -> torch.Tensor:
    """Draw the order of an epoch, as many places as there are cases.

    No case comes twice as long as another one of its set has not come as often.

    Args:
        sets: The data set of each case.
        weights: How often a set's cases are drawn, relative to 1 of sets that are not named; without any, each case
            comes once.
        stream: Where the order is drawn from.

    Returns:
        int64 `[cases]`, places in `sets`.
    """
    if not weights:
        return torch.randperm(len(sets), generator=stream)
    names = sorted(set(sets))
    places = [torch.tensor([i for i, name in enumerate(sets) if name == wanted]) for wanted in names]
    masses = torch.tensor([weights.get(name, 1.0) * len(own) for name, own in zip(names, places, strict=True)])
    # rounded where the shares end, so that they are all cases together
    ends = (masses.cumsum(0) / masses.sum() * len(sets)).round().long().tolist()
    counts = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    drawn = torch.cat([_repeated(own, count, stream) for own, count in zip(places, counts, strict=True)])
    return drawn[torch.randperm(len(drawn), generator=stream)]


def _repeated(places: torch.Tensor, count: int, stream: torch.Generator) -> torch.Tensor:
    rounds = range(math.ceil(count / len(places)))
    orders = [torch.randperm(len(places), generator=stream) for _ in rounds]
    return places[torch.cat([*orders, torch.empty(0, dtype=torch.long)])[:count]]
