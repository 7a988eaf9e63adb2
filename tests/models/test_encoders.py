from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from timm.layers.drop import DropPath

from breastseg.errors import ProblemsError
from breastseg.models import cnn_unet, vit_unet

if TYPE_CHECKING:
    from breastseg.params.cnn_unet import CnnUnet
    from breastseg.params.vit_unet import VitUnet


def test_normalises_as_the_encoder_was_pretrained(cnn_params: CnnUnet) -> None:
    params = cnn_params.model_copy(update={"encoder": "tu-tf_efficientnet_lite0"})  # trained on -1..1
    normalisation = cnn_unet.build(params, channels=3, image_size=64).normalisation
    grey_values = torch.tensor([0.0, 127.5, 255.0]).view(3, 1, 1, 1).expand(3, 3, 1, 1)
    torch.testing.assert_close(normalisation(grey_values)[:, 0, 0, 0], torch.tensor([-1.0, 0.0, 1.0]))


def test_grey_takes_the_mean_over_the_channels(cnn_params: CnnUnet) -> None:
    normalisation = cnn_unet.build(cnn_params, channels=1, image_size=64).normalisation
    assert normalisation.mean.shape == (1, 1, 1, 1)
    assert normalisation.mean.item() == pytest.approx(255 * (0.485 + 0.456 + 0.406) / 3)


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_drop_path_follows_the_params_and_not_the_encoder_s_default(vit_params: VitUnet, rate: float) -> None:
    params = vit_params.model_copy(update={"encoder": "tu-swin_tiny_patch4_window7_224", "drop_path_rate": rate})
    network = vit_unet.build(params, channels=1, image_size=64)
    rates = [module.drop_prob for module in network.modules() if isinstance(module, DropPath)]
    assert max(rates, default=0.0) == pytest.approx(rate)


@pytest.mark.parametrize("encoder", ["tu-vgg11", "resnet18"])
def test_refuses_drop_path_where_the_encoder_has_none(cnn_params: CnnUnet, encoder: str) -> None:
    params = cnn_params.model_copy(update={"encoder": encoder, "drop_path_rate": 0.1})
    with pytest.raises(ProblemsError, match=r"has no stochastic depth"):
        cnn_unet.build(params, channels=1, image_size=64)


def test_an_encoder_without_stochastic_depth_works_at_zero(cnn_params: CnnUnet) -> None:
    network = cnn_unet.build(cnn_params.model_copy(update={"encoder": "tu-vgg11"}), channels=1, image_size=64)
    assert network(torch.zeros(2, 1, 64, 64)).pixels.shape == (2, 1, 64, 64)


@pytest.mark.parametrize("encoder", ["tu-levit_128", "tu-nest_tiny"])
def test_refuses_an_encoder_that_is_no_pyramid(vit_params: VitUnet, encoder: str) -> None:
    with pytest.raises(ProblemsError, match="no pyramid"):
        vit_unet.build(vit_params.model_copy(update={"encoder": encoder}), channels=1, image_size=64)
