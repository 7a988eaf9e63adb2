"""How sure a network is of its own answer, without the truth: what one knows of an image that nobody has outlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32s = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]


def soft_dice(probability: Float32s, mask: Mask, judged: Mask | None = None, *, presence: float | None = None) -> float:
    """The Dice that the network's probabilities promise: twice their sum over the mask / (their sum + the mask's area).

    Where nothing is predicted, it is 1 minus the largest probability times the presence: roughly the probability that
    there is nothing to predict. (The formula itself gives 0 there, which would call every clean normal doubtful.)

    Args:
        probability: Calibrated, given that the image shows a lesion: float32 `[H, W]` in 0..1.
        mask: bool `[H, W]`, what was predicted.
        judged: bool `[H, W]`; other pixels do not count. All of them do by default.
        presence: Probability of any lesion in the image, 0..1; None where the network does not predict it.

    Returns:
        0..1.

    Source: Borges, Pacheco and Silva 2024, https://arxiv.org/abs/2402.10665 (the soft Dice confidence), for masks that
    are not empty.
    """
    if judged is not None:
        probability, mask = np.where(judged, probability, np.float32(0)), mask & judged
    return promised_dice(probability, probability[mask], presence)


def promised_dice(probability: Float32s, inside: Float32s, presence: float | None) -> float:
    """Return `soft_dice` from the probabilities of all judged pixels, and of those inside the mask."""
    if not inside.size:
        return float(1 - (1 if presence is None else presence) * probability.max(initial=0))
    # each row in single precision: NumPy's sum of a whole image in double precision takes five times as long
    total = probability.sum(axis=-1).sum(dtype=np.float64)
    return float(2 * inside.sum(dtype=np.float64) / (total + inside.size))
