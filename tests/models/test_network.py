from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import hypothesis.extra.numpy as arrays
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from timm.layers.drop import DropPath
from torch import nn

from breastseg.models import cnn_unet, vit_unet
from breastseg.models.network import PRIOR, Normalisation, PresenceHead

if TYPE_CHECKING:
    from breastseg.models.network import SegmentationNetwork
    from breastseg.params.cnn_unet import CnnUnet
    from breastseg.params.vit_unet import VitUnet


@given(arrays.arrays(np.uint8, (2, 3, 4, 4)))
def test_normalisation_is_the_textbook_formula(images: npt.NDArray[np.uint8]) -> None:
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    expected = (images / 255 - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    actual = Normalisation(mean, std)(torch.from_numpy(images))
    assert actual.dtype == torch.float32
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_an_untrained_network_expects_few_lesion_pixels(cnn_params: CnnUnet) -> None:
    network = cnn_unet.build(cnn_params, channels=1, image_size=64).eval()
    predicted = network(torch.randint(0, 256, (4, 1, 64, 64), dtype=torch.uint8))
    assert torch.sigmoid(predicted.pixels).mean().item() == pytest.approx(PRIOR, abs=0.05)


def test_presence_is_predicted_apart_from_pixels(cnn_params: CnnUnet) -> None:
    network = cnn_unet.build(cnn_params, channels=1, image_size=64).eval()
    images = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8)
    bias = network.presence_head.linear.bias
    before = network(images)
    torch.nn.init.constant_(bias, bias.item() + 3)
    after = network(images)
    assert torch.equal(after.pixels, before.pixels)
    torch.testing.assert_close(after.presence, before.presence + 3)
    assert before.presence.shape == (2, 1)
    assert before.embedding.ndim == 2


def test_presence_grows_with_the_most_lesion_like_pixel_and_does_not_train_it() -> None:
    head, feature = PresenceHead(8), torch.rand(2, 8, 3, 3)
    pixels = torch.full((2, 1, 16, 16), -4.0)
    pixels[1, 0, 3, 5] = 2.0
    pixels.requires_grad_()
    inside = torch.ones(2, 1, 16, 16, dtype=torch.bool)
    presence = head(feature[:1].expand(2, -1, -1, -1), pixels, inside)
    torch.testing.assert_close(presence[1] - presence[0], 6 * head.peak_weight.detach()[None])
    presence.sum().backward()
    assert pixels.grad is None
    inside[1, 0, 3] = False
    torch.testing.assert_close(*head(feature[:1].expand(2, -1, -1, -1), pixels, inside))


def test_padding_takes_no_part_in_presence(cnn_params: CnnUnet) -> None:
    network = cnn_unet.build(cnn_params, channels=1, image_size=64).eval()
    images = torch.randint(1, 256, (2, 1, 64, 64), dtype=torch.uint8)
    images[:, :, :20] = images[:, :, -20:] = 0
    images[1] = 0
    for parameter in network.presence_head.linear.parameters():
        torch.nn.init.zeros_(parameter)
    found = network(images)
    peaks = torch.stack([found.pixels[0, 0, 20:-20].max(), torch.tensor(-30.0)])
    torch.testing.assert_close(found.presence[:, 0], network.presence_head.peak_weight * peaks)


def frozen_vit(params: VitUnet, layers: int | Literal["all"]) -> SegmentationNetwork:
    """A plain transformer of patch embedding and six blocks that drops half of its branches."""
    changes = {"encoder": "test_vit", "encoder_frozen_layers": layers, "drop_path_rate": 0.5}
    network = vit_unet.build(params.model_copy(update=changes), channels=1, image_size=64)
    network.freeze_encoder(layers)
    return network


def changed(network: SegmentationNetwork) -> set[str]:
    """What a few steps in training mode change, of weights and running statistics."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW((p for p in network.parameters() if p.requires_grad), lr=0.1, weight_decay=0.1)
    network.train()
    for _ in range(2):
        optimizer.zero_grad()
        found = network(torch.randint(0, 256, (4, 1, 64, 64), dtype=torch.uint8))
        (found.pixels.square().mean() + found.presence.square().mean()).backward()
        optimizer.step()
    return {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def test_frozen_layers_keep_weights_and_running_statistics(cnn_params: CnnUnet) -> None:
    """Stem and first stage are; the others, and all behind the encoder, move."""
    network = cnn_unet.build(cnn_params.model_copy(update={"encoder_frozen_layers": 2}), channels=1, image_size=64)
    network.freeze_encoder(2)
    names = set(network.state_dict()) - {"normalisation.mean", "normalisation.std"}
    frozen = {
        name for name in names if name.startswith(("encoder.model.conv1", "encoder.model.bn1", "encoder.model.layer1"))
    }
    assert any(name.endswith("running_mean") for name in frozen)
    assert changed(network) == names - frozen


def test_frozen_statistics_stay_where_processes_normalise_together(cnn_params: CnnUnet) -> None:
    """On several GPUs, each batch normalisation is replaced after the encoder is frozen."""
    network = cnn_unet.build(cnn_params.model_copy(update={"encoder_frozen_layers": 2}), channels=1, image_size=64)
    network.freeze_encoder(2)
    nn.SyncBatchNorm.convert_sync_batchnorm(network).train()  # type: ignore[no-untyped-call] # torch leaves it untyped
    modules = {name: module for name, module in network.encoder.named_modules() if isinstance(module, nn.SyncBatchNorm)}
    frozen = {name for name in modules if name.startswith(("model.conv1", "model.bn1", "model.layer1"))}
    assert {name for name, module in modules.items() if not module.training} == frozen != set()


def test_a_released_encoder_is_trained_as_before(cnn_params: CnnUnet) -> None:
    network = cnn_unet.build(cnn_params, channels=1, image_size=64)
    network.freeze_encoder("all")
    assert not [name for name in changed(network) if name.startswith("encoder.")]
    network.freeze_encoder(0)
    assert all(module.training for module in network.modules())
    assert changed(network) == set(network.state_dict()) - {"normalisation.mean", "normalisation.std"}


@pytest.mark.parametrize(("layers", "dropping"), [(0, 5), (3, 4), (7, 0), ("all", 0)])
def test_frozen_blocks_drop_nothing(vit_params: VitUnet, layers: int | Literal["all"], dropping: int) -> None:
    """Of six blocks, the first never does."""
    network = frozen_vit(vit_params, layers).train()
    drops = [module for module in network.encoder.modules() if isinstance(module, DropPath) and module.drop_prob]
    assert sum(module.training for module in drops) == 2 * dropping
    assert network.decoder.training


def test_evaluation_mode_is_left_as_it_is(vit_params: VitUnet) -> None:
    network = frozen_vit(vit_params, 3).eval()
    network.freeze_encoder(0)
    assert not any(module.training for module in network.modules())


@pytest.mark.parametrize(("layers", "kept"), [(0, True), (4, True), (6, True), (7, False), ("all", False)])
def test_a_frozen_encoder_keeps_no_activations(
    vit_params: VitUnet, layers: int | Literal["all"], *, kept: bool
) -> None:
    network = frozen_vit(vit_params, layers).train()
    images = torch.rand(1, 1, 64, 64)
    sizes: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(partial(count, sizes), lambda tensor: tensor):
        features = network.encoder(images)
    assert bool(sizes) == kept
    assert features[-1].requires_grad == kept


def test_the_more_layers_are_frozen_the_fewer_activations_are_kept(vit_params: VitUnet) -> None:
    kept = []
    for layers in range(8):
        sizes: list[int] = []
        network = frozen_vit(vit_params, layers).train()
        network.encoder.eval()  # nothing is dropped, whatever is frozen
        with torch.autograd.graph.saved_tensors_hooks(partial(count, sizes), lambda tensor: tensor):
            network.encoder(torch.rand(1, 1, 64, 64))
        kept.append(sum(sizes))
    assert kept == sorted(set(kept), reverse=True)


def count(sizes: list[int], tensor: torch.Tensor) -> torch.Tensor:
    sizes.append(tensor.numel())
    return tensor
