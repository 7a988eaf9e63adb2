"""Normalisation layers of what is trained from scratch: by batch, by group of channels, or by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from torch import nn

if TYPE_CHECKING:
    from breastseg.params.unet import Norm

_MOST_GROUPS: Final = 8


def use_norm(module: nn.Module, norm: Norm) -> None:
    """Replace each batch normalisation in `module` by the layer asked for, with scale 1 and shift 0.

    Group normalisation (Wu and He 2018, "Group Normalization") and instance normalisation (Ulyanov et al. 2016,
    "Instance Normalization: The Missing Ingredient for Fast Stylization") compute their statistics for each image by
    itself, in training and in use alike: nothing depends on the other images of a batch, and nothing is counted.

    Args:
        module: What is changed in place; `batch` changes nothing.
        norm: `batch`, `group` or `instance`.
    """
    if norm == "batch":
        return
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                parent.add_module(name, _make(norm, child.num_features))


def _make(norm: Norm, channels: int) -> nn.Module:
    if norm == "group":
        return nn.GroupNorm(count_groups(channels), channels)
    return nn.InstanceNorm2d(channels, affine=True)


def count_groups(channels: int) -> int:
    """Return into how many groups of equal size the channels fall: 8, or as many as leave two channels a group.

    The number matters little (Wu and He 2018, table 3); a channel by itself would make it instance normalisation.
    """
    sizes = (groups for groups in range(_MOST_GROUPS, 0, -1) if channels % groups == 0 and channels >= 2 * groups)
    return next(sizes, 1)
