"""Loss and validation score, per image and on valid pixels only."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as f

from breastseg.training.tensors import LESION

# Smooths the soft Dice, as a share of the valid pixels: far below a lesion's area at any resolution
SMOOTHING_SHARE: Final = 1e-3


def segmentation_loss(logits_nchw: torch.Tensor, targets_nchw: torch.Tensor, dice_weight: float) -> torch.Tensor:
    """Binary cross-entropy plus soft Dice loss of the images that show a lesion, each a mean over valid pixels.

    The soft Dice is the one of Milletari et al. 2016, "V-Net", with the plain sum in its denominator.

    Args:
        logits_nchw: float `[N, 1, S, S]`.
        targets_nchw: uint8 `[N, 1, S, S]` as in `breastseg.training.tensors`.
        dice_weight: Weight of the Dice term.

    Returns:
        float32 scalar: the sum over images with a lesion, divided by N. An image without a lesion contributes 0, since
        the logits are those of a lesion given that there is one.
    """
    logits = logits_nchw.float().flatten(1)
    valid = (targets_nchw <= LESION).flatten(1).float()
    truth = (targets_nchw == LESION).flatten(1).float()
    pixels = valid.sum(1).clamp(min=1)
    entropy = (f.binary_cross_entropy_with_logits(logits, truth, reduction="none") * valid).sum(1) / pixels
    probability = logits.sigmoid() * valid
    smoothing = SMOOTHING_SHARE * pixels
    overlap = 2 * (probability * truth).sum(1) + smoothing
    dice = overlap / (probability.sum(1) + truth.sum(1) + smoothing)
    return ((entropy + dice_weight * (1 - dice)) * truth.any(1)).mean()


def presence_loss(presence: torch.Tensor, targets_nchw: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of the prediction whether an image shows a lesion.

    Args:
        presence: Logits, float `[N, 1]`.
        targets_nchw: uint8 `[N, 1, S, S]` as in `breastseg.training.tensors`.
        weights: Weight of each image, float32 `[N]`, see `breastseg.training.tensors.CaseTensors`.

    Returns:
        float32 scalar, the weighted sum over images divided by N.
    """
    has_lesion = (targets_nchw == LESION).flatten(1).any(1).float()
    entropy = f.binary_cross_entropy_with_logits(presence.float().flatten(), has_lesion, reduction="none")
    return (entropy * weights).mean()


def lesion_dice(logits_nchw: torch.Tensor, targets_nchw: torch.Tensor) -> torch.Tensor:
    """Dice at probability 0.5 on the valid pixels of each image that has a lesion; 0 for an empty prediction.

    It serves to choose the best epoch at training size; what is reported is measured by `breastseg.evaluation`.

    Args:
        logits_nchw: float `[N, 1, S, S]`.
        targets_nchw: uint8 `[N, 1, S, S]` as in `breastseg.training.tensors`.

    Returns:
        float32 `[M]`, 0..1, one value per image with a lesion.
    """
    truth = (targets_nchw == LESION).flatten(1)
    has_lesion = truth.any(1)
    predicted = ((logits_nchw > 0) & (targets_nchw <= LESION)).flatten(1)
    overlap = (predicted & truth).sum(1)
    return (2 * overlap / (predicted.sum(1) + truth.sum(1)).clamp(min=1))[has_lesion]
