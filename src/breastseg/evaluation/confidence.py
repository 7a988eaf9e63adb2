"""How sure a network is of its own answer, without the truth: what one knows of an image that nobody has outlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breastseg.evaluation.arrays import Float32s, Mask


def expected_dice(probability: Float32s, predicted: Mask, judged: Mask) -> float:
    """The Dice that the network's probabilities promise: twice their sum over the mask / (their sum + the mask's area).

    Where nothing is predicted, it is 1 minus the largest probability: roughly the probability that there is nothing to
    predict. (The formula itself gives 0 there, which would call every clean normal doubtful.)

    Args:
        probability: Calibrated, float32 `[H, W]` in 0..1.
        predicted: bool `[H, W]`.
        judged: bool `[H, W]`; other pixels do not count.

    Returns:
        0..1.

    Source: Borges, Pacheco and Silva 2024, https://arxiv.org/abs/2402.10665 (the soft Dice confidence), for masks that
    are not empty.
    """
    mask = predicted & judged
    if not mask.any():
        return float(1 - probability.max(initial=0, where=judged))
    total = probability.sum(dtype="float64", where=judged) + mask.sum()
    return float(2 * probability.sum(dtype="float64", where=mask) / total)
