"""The loss and the validation score, on judged pixels only and per image, so that normals are trained on too."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as f

from breastseg.training.tensors import LESION

# Smooths the soft Dice, as a share of the judged pixels: far below a lesion's area at any resolution, and large enough
# that an image without lesion still has a slope towards an empty prediction.
SMOOTHING_SHARE: Final = 1e-3


def segmentation_loss(logits_nchw: torch.Tensor, targets_nchw: torch.Tensor, dice_weight: float) -> torch.Tensor:
    """Binary cross-entropy plus soft Dice loss, each a mean over images of a mean over their judged pixels.

    The soft Dice is the one of Milletari et al. 2016, "V-Net", with the plain sum in its denominator.

    Args:
        logits_nchw: float `[N, 1, S, S]`.
        targets_nchw: uint8 `[N, 1, S, S]` as in `breastseg.training.tensors`.
        dice_weight: Weight of the Dice term.

    Returns:
        float32 scalar.
    """
    logits = logits_nchw.float().flatten(1)
    judged = (targets_nchw <= LESION).flatten(1).float()
    truth = (targets_nchw == LESION).flatten(1).float()
    pixels = judged.sum(1).clamp(min=1)
    entropy = (f.binary_cross_entropy_with_logits(logits, truth, reduction="none") * judged).sum(1) / pixels
    probability = logits.sigmoid() * judged
    smoothing = SMOOTHING_SHARE * pixels
    overlap = 2 * (probability * truth).sum(1) + smoothing
    dice = overlap / (probability.sum(1) + truth.sum(1) + smoothing)
    return (entropy + dice_weight * (1 - dice)).mean()


def presence_loss(presence: torch.Tensor, targets_nchw: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of the question whether an image has a lesion, mean over images.

    Args:
        presence: Logits, float `[N, 1]`.
        targets_nchw: uint8 `[N, 1, S, S]` as in `breastseg.training.tensors`.

    Returns:
        float32 scalar.
    """
    has_lesion = (targets_nchw == LESION).flatten(1).any(1, keepdim=True)
    return f.binary_cross_entropy_with_logits(presence.float(), has_lesion.float())


def lesion_dice(logits_nchw: torch.Tensor, targets_nchw: torch.Tensor) -> torch.Tensor:
    """Dice at probability 0.5 on the judged pixels of each image that has a lesion; 0 for an empty prediction.

    It serves to choose the best epoch at training size; what is reported is measured by `breastseg.evaluation`.

    Args:
        logits_nchw: float `[N, 1, S, S]`.
        targets_nchw: uint8 `[N, 1, S, S]` as in `breastseg.training.tensors`.

    Returns:
        float32 `[M]`, 0..1, a value an image with a lesion.
    """
    truth = (targets_nchw == LESION).flatten(1)
    has_lesion = truth.any(1)
    predicted = ((logits_nchw > 0) & (targets_nchw <= LESION)).flatten(1)
    overlap = (predicted & truth).sum(1)
    return (2 * overlap / (predicted.sum(1) + truth.sum(1)).clamp(min=1))[has_lesion]
