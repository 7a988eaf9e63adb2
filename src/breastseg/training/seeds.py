"""Derives every random stream from (seed, epoch, process), so that a resumed epoch draws what it would have drawn."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

Purpose = Literal["order", "augment", "network"]
_STREAMS: dict[Purpose, int] = {"order": 0, "augment": 1, "network": 2}


def derive(seed: int, epoch: int, purpose: Purpose, rank: int = 0) -> int:
    """Return a 64-bit seed that is independent between seeds, epochs, purposes and processes of one training."""
    return int(np.random.SeedSequence((seed, epoch, _STREAMS[purpose], rank)).generate_state(1, np.uint64)[0])


def generator(
    seed: int, epoch: int, purpose: Purpose, rank: int = 0, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Return a generator on `device` that is seeded for this epoch, purpose and process."""
    return torch.Generator(device=device).manual_seed(derive(seed, epoch, purpose, rank))
