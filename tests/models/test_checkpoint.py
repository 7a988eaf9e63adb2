from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from breastseg.errors import ProblemsError
from breastseg.models import checkpoint, cnn_unet, registry

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.models.network import SegmentationNetwork
    from breastseg.params.cnn_unet import CnnUnet


@pytest.fixture
def spec(cnn_params: CnnUnet) -> checkpoint.CheckpointSpec:
    section = cnn_params.model_dump(mode="json")
    return checkpoint.CheckpointSpec(network="cnn_unet", channels=1, image_size=64, params=section)


@pytest.fixture
def network(cnn_params: CnnUnet) -> SegmentationNetwork:
    torch.manual_seed(0)
    return cnn_unet.build(cnn_params, channels=1, image_size=64)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_same_network_same_bytes_whatever_the_memory_format(
    network: SegmentationNetwork, spec: checkpoint.CheckpointSpec, tmp_path: Path
) -> None:
    checkpoint.save(network, spec, tmp_path / "one")
    checkpoint.save(network.to(memory_format=torch.channels_last), spec, tmp_path / "other")
    assert contents(tmp_path / "one") == contents(tmp_path / "other")
    assert {*contents(tmp_path / "one")} == {"weights.safetensors", "network.json"}


def test_replaces_an_older_checkpoint(
    network: SegmentationNetwork, spec: checkpoint.CheckpointSpec, tmp_path: Path
) -> None:
    checkpoint.save(network, spec, tmp_path)
    before = contents(tmp_path)
    with torch.no_grad():
        next(network.encoder_parameters()).add_(1)
    checkpoint.save(network, spec, tmp_path)
    assert contents(tmp_path).keys() == before.keys()
    assert contents(tmp_path) != before


@pytest.mark.parametrize("name", ["weights.safetensors", "network.json"])
@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_a_faulty_checkpoint_names_the_file(
    network: SegmentationNetwork, spec: checkpoint.CheckpointSpec, tmp_path: Path, name: str, fault: str
) -> None:
    checkpoint.save(network, spec, tmp_path)
    if fault == "missing":
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(b"{")
    with pytest.raises(ProblemsError, match=rf"{name}: cannot be read[\s\S]*dvc repro"):
        registry.load(tmp_path)


def test_weights_of_another_network_are_refused(
    network: SegmentationNetwork, spec: checkpoint.CheckpointSpec, tmp_path: Path
) -> None:
    checkpoint.save(network, spec, tmp_path)
    wider = spec.params | {"decoder_channels": [32, 8, 8, 8, 8]}
    text = json.dumps(spec.model_copy(update={"params": wider}).model_dump(mode="json"))
    (tmp_path / "network.json").write_text(text, encoding="utf-8")
    with pytest.raises(ProblemsError, match=r"size mismatch for decoder\.blocks"):
        registry.load(tmp_path)


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_the_decoder_s_normalisation_is_rebuilt(cnn_params: CnnUnet, tmp_path: Path, norm: str) -> None:
    params = cnn_params.model_copy(update={"decoder_norm": norm})
    section = params.model_dump(mode="json")
    network = cnn_unet.build(params, channels=1, image_size=64)
    spec = checkpoint.CheckpointSpec(network="cnn_unet", channels=1, image_size=64, params=section)
    checkpoint.save(network, spec, tmp_path)
    assert_rebuilt(network, tmp_path)


def test_a_network_that_was_trained_frozen_is_rebuilt_without(
    network: SegmentationNetwork, spec: checkpoint.CheckpointSpec, tmp_path: Path
) -> None:
    frozen = {"encoder_frozen_layers": "all", "encoder_layer_decay": 0.5}
    network.freeze_encoder("all")
    checkpoint.save(network, spec.model_copy(update={"params": spec.params | frozen}), tmp_path)
    assert_rebuilt(network, tmp_path)


def assert_rebuilt(network: SegmentationNetwork, folder: Path) -> None:
    loaded, _ = registry.load(folder)
    images = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8)
    network.eval()
    assert all(torch.equal(one, other) for one, other in zip(loaded(images), network(images), strict=True))
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_params_that_no_network_has_are_refused(
    network: SegmentationNetwork, spec: checkpoint.CheckpointSpec, tmp_path: Path
) -> None:
    older = spec.model_copy(update={"params": spec.params | {"depth": 4}})
    checkpoint.save(network, older, tmp_path)
    with pytest.raises(ProblemsError, match=r"network\.json: does not hold[\s\S]*depth"):
        registry.load(tmp_path)
