"""Local weights are made here by timm itself: the real files are too large to keep."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import save_file

from breastseg.errors import ProblemsError
from breastseg.models import checkpoint, cnn_unet, registry, vit_unet

if TYPE_CHECKING:
    from breastseg.params.cnn_unet import CnnUnet
    from breastseg.params.unet import Unet
    from breastseg.params.vit_unet import VitUnet

FILE = Path("models/pretrained/encoder.safetensors")

P = TypeVar("P", bound="Unet")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir(parents=True)


def pretrained(encoder: str, num_classes: int = 1000) -> dict[str, torch.Tensor]:
    torch.manual_seed(7)
    model = timm.create_model(encoder, num_classes=num_classes)
    save_file(model.state_dict(), FILE)
    return model.state_dict()


def local(params: P) -> P:
    digest = hashlib.sha256(FILE.read_bytes()).hexdigest()
    return params.model_copy(update={"encoder_weights": str(FILE), "encoder_weights_sha256": digest})


@pytest.mark.parametrize("classes", [0, 1000])
def test_loads_a_whole_classifier_s_file(cnn_params: CnnUnet, classes: int) -> None:
    weights = pretrained("resnet10t", num_classes=classes)
    network = cnn_unet.build(local(cnn_params), channels=3, image_size=64)
    loaded = network.encoder.state_dict()
    body = {name for name in weights if not name.startswith("fc.")}
    assert {name.removeprefix("model.") for name in loaded} == body
    assert all(torch.equal(loaded[f"model.{name}"], weights[name]) for name in body)


def test_grey_input_takes_the_sum_over_rgb(cnn_params: CnnUnet) -> None:
    weights = pretrained("resnet10t")
    network = cnn_unet.build(local(cnn_params), channels=1, image_size=64)
    first = network.encoder.state_dict()["model.conv1.0.weight"]
    torch.testing.assert_close(first, weights["conv1.0.weight"].sum(dim=1, keepdim=True))


def test_resamples_the_position_grid_of_a_plain_vit(vit_params: VitUnet) -> None:
    weights = pretrained("vit_tiny_patch16_224")
    params = local(vit_params.model_copy(update={"encoder": "vit_tiny_patch16_224"}))
    loaded = vit_unet.build(params, channels=3, image_size=64).encoder.state_dict()
    positions = loaded["vit.model.pos_embed"]
    assert positions.shape == (1, 1 + 4 * 4, 192)
    expected = timm.layers.pos_embed.resample_abs_pos_embed(weights["pos_embed"], new_size=[4, 4])
    torch.testing.assert_close(positions, expected)
    name = "blocks.11.attn.qkv.weight"
    assert torch.equal(loaded[f"vit.model.{name}"], weights[name])


def test_refuses_the_file_of_another_encoder_and_lists_the_keys(cnn_params: CnnUnet) -> None:
    pretrained("mobilenetv3_small_050")
    with pytest.raises(ProblemsError, match=r"(?s)Missing key.*layer1\.0\.conv1\.weight.*Unexpected key.*conv_stem"):
        cnn_unet.build(local(cnn_params), channels=1, image_size=64)


def test_refuses_a_file_that_lacks_one_weight(cnn_params: CnnUnet) -> None:
    weights = pretrained("resnet10t")
    del weights["layer4.0.conv2.weight"]
    save_file(weights, FILE)
    with pytest.raises(ProblemsError, match=r"Missing key.*layer4\.0\.conv2\.weight"):
        cnn_unet.build(local(cnn_params), channels=1, image_size=64)


def test_refuses_an_altered_file(cnn_params: CnnUnet) -> None:
    pretrained("resnet10t")
    params = local(cnn_params)
    FILE.write_bytes(FILE.read_bytes() + b"\0")
    with pytest.raises(ProblemsError, match=r"has the SHA-256 [0-9a-f]{64}"):
        cnn_unet.build(params, channels=1, image_size=64)


def test_refuses_a_missing_file(cnn_params: CnnUnet) -> None:
    pretrained("resnet10t")
    params = local(cnn_params)
    FILE.unlink()
    with pytest.raises(ProblemsError, match="cannot be read"):
        cnn_unet.build(params, channels=1, image_size=64)


def test_refuses_a_file_of_another_format(cnn_params: CnnUnet) -> None:
    FILE.write_bytes(b"PK\3\4 a pickle of torch")
    with pytest.raises(ProblemsError, match="is no safetensors file"):
        cnn_unet.build(local(cnn_params), channels=1, image_size=64)


def test_refuses_local_weights_for_smp_s_own_encoders_and_names_timm_s(cnn_params: CnnUnet) -> None:
    pretrained("resnet18")
    with pytest.raises(ProblemsError, match="`tu-resnet18`"):
        cnn_unet.build(local(cnn_params.model_copy(update={"encoder": "resnet18"})), channels=1, image_size=64)


@pytest.mark.parametrize("encoder", ["tu-mobilenetv2_035", "dpn92"])
def test_imagenet_weights_that_the_hub_lacks_are_an_error(cnn_params: CnnUnet, encoder: str) -> None:
    with pytest.raises(ProblemsError, match=r"has no (ImageNet )?weights on the hub"):
        cnn_unet.build(from_hub(cnn_params, encoder), channels=1, image_size=64)


@pytest.mark.parametrize("encoder", ["tu-resnet10t", "resnet18"])
def test_an_unreachable_hub_is_an_error_with_a_way_out(
    cnn_params: CnnUnet, encoder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ProblemsError, match=r"cannot be had from the hub[\s\S]*models/pretrained/"):
        cnn_unet.build(from_hub(cnn_params, encoder), channels=1, image_size=64)


def from_hub(params: CnnUnet, encoder: str) -> CnnUnet:
    return params.model_copy(update={"encoder": encoder, "encoder_weights": "imagenet"})


def test_a_checkpoint_needs_the_pretrained_file_no_more(cnn_params: CnnUnet, tmp_path: Path) -> None:
    pretrained("tf_mobilenetv3_small_minimal_100")
    params = local(cnn_params.model_copy(update={"encoder": "tu-tf_mobilenetv3_small_minimal_100"}))
    network = cnn_unet.build(params, channels=1, image_size=64).eval()
    section = params.model_dump(mode="json")
    spec = checkpoint.CheckpointSpec(network="cnn_unet", channels=1, image_size=64, params=section)
    checkpoint.save(network, spec, tmp_path / "checkpoint")
    FILE.unlink()
    loaded, loaded_spec = registry.load(tmp_path / "checkpoint")
    assert loaded_spec.params == section, "the checkpoint still says what the weights started from"
    images = torch.randint(0, 256, (1, 1, 64, 64), dtype=torch.uint8)
    assert torch.equal(loaded(images).pixels, network(images).pixels)


def test_the_network_keeps_no_second_copy_of_the_file(cnn_params: CnnUnet) -> None:
    pretrained("resnet10t")
    network = cnn_unet.build(local(cnn_params), channels=3, image_size=64)
    assert not any(getattr(module, "pretrained_cfg", None) for module in network.modules())
