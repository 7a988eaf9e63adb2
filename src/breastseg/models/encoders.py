"""Builds encoders of segmentation-models-pytorch and timm with the weights, channels and image size asked for."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import segmentation_models_pytorch as smp
import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from breastseg.errors import Problem, ProblemsError
from breastseg.models.encoder_names import config
from breastseg.models.encoder_weights import check_smp, timm_weights
from breastseg.models.network import Normalisation
from breastseg.params.encoder_names import TIMM_PREFIX
from breastseg.params.unet import HUB

if TYPE_CHECKING:
    from timm.models import FeatureInfo
    from torch import nn

    from breastseg.params.encoder_names import EncoderName
    from breastseg.params.unet import Unet

PYRAMID_STRIDES = ([1, 2, 4, 8, 16, 32], [2, 4, 8, 16, 32], [4, 8, 16, 32])


def normalisation(encoder: EncoderName, params: Unet, channels: int) -> Normalisation:
    """The mean and deviation that the encoder is, or would be, pretrained with.

    Grey images get the mean over the three channels. Encoders that only smp has get ImageNet's from scratch.
    """
    if encoder.library == "timm":
        mean, std = config(encoder).mean, config(encoder).std
    elif params.encoder_weights == HUB:
        settings = smp.encoders.get_preprocessing_params(encoder.name)
        mean, std = settings["mean"], settings["std"]
    else:
        mean, std = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    return Normalisation(mean, std) if channels == len(mean) else Normalisation([fmean(mean)], [fmean(std)])


def feature_info(encoder: EncoderName) -> FeatureInfo:
    """Channels and strides of the features of an encoder of timm, found without allocating its weights."""
    with torch.device("meta"):
        return cast("FeatureInfo", timm.create_model(encoder.name, features_only=True).feature_info)


def is_plain(encoder: EncoderName) -> bool:
    """Whether all features of an encoder of timm have one stride."""
    return len(set(feature_info(encoder).reduction())) == 1


class Pyramid(NamedTuple):
    """An encoder whose features have the strides 1 (the image itself), 2, 4, 8, 16 and 32.

    Attributes:
        encoder: Maps float images `[N, C, S, S]` to these six features.
        channels: Their channels, 0 where the encoder has no feature of that stride.
    """

    encoder: nn.Module
    channels: list[int]


def build_pyramid(encoder: EncoderName, params: Unet, channels: int, image_size: int) -> Pyramid:
    """Build an encoder of smp or a hierarchical one of timm.

    Raises:
        ProblemsError: The encoder has other strides, or cannot do what the params ask for.
    """
    if encoder.library == "smp":
        check_smp(encoder, params)
        name, weights, options = encoder.name, params.encoder_weights, {}
    else:
        strides = feature_info(encoder).reduction()
        if strides not in PYRAMID_STRIDES:
            raise _unsuited(encoder, f"has features at the strides {strides}, which is no pyramid up to 32")
        options = timm_options(encoder, params, channels, image_size)
        # smp asks only whether it is None
        name, weights = TIMM_PREFIX + encoder.name, options.pop("pretrained") or None
    built = smp.encoders.get_encoder(name, in_channels=channels, weights=weights, **options)
    return Pyramid(drop_weight_copies(built), list(built.out_channels))


def timm_options(encoder: EncoderName, params: Unet, channels: int, image_size: int) -> dict[str, Any]:
    """Arguments of `timm.create_model` that an encoder needs besides `in_chans`.

    Raises:
        ProblemsError: The encoder cannot do what the params ask for.
    """
    options: dict[str, Any] = {}
    if config(encoder).fixed_input_size:
        options["img_size"] = image_size
    if _has_drop_path(encoder):
        options["drop_path_rate"] = params.drop_path_rate
    elif params.drop_path_rate > 0:
        raise _unsuited(encoder, "has no stochastic depth", "Set drop_path_rate to 0")
    return options | timm_weights(encoder, params, {"in_chans": channels, **options})


def drop_weight_copies(encoder: nn.Module) -> nn.Module:
    """Forget timm's notes on where the weights came from: they hold a second copy of a local file's tensors."""
    for module in encoder.modules():
        if hasattr(module, "pretrained_cfg"):
            vars(module).update(pretrained_cfg=None, default_cfg=None)
    return encoder


def _has_drop_path(encoder: EncoderName) -> bool:
    try:
        with torch.device("meta"):
            timm.create_model(encoder.name, drop_path_rate=0.0)
    except TypeError as error:
        if "drop_path_rate" in str(error):
            return False
        raise
    return True


def _unsuited(encoder: EncoderName, what: str, mend: str = "Choose another encoder") -> ProblemsError:
    return ProblemsError("Unsuited encoder", [Problem(encoder.name, what, mend)])
