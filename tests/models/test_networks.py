"""The contract that every network keeps, whatever its encoder."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from breastseg.models import checkpoint, cnn_unet, registry, vit_unet
from breastseg.params.base import load
from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.vit_unet import VitUnet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breastseg.models.network import SegmentationNetwork
    from breastseg.params.unet import Norm, Unet

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"

onnxruntime.disable_telemetry_events()


@dataclass(frozen=True)
class Sample:
    """One network of the contract, small enough for a test."""

    network: str
    encoder: str
    channels: int
    image_size: int
    decoder_norm: Norm = "batch"

    def params(self) -> Unet:
        type_ = CnnUnet if self.network == "cnn_unet" else VitUnet
        return type_(
            encoder=self.encoder,
            encoder_weights=None,
            encoder_weights_sha256=None,
            encoder_learning_rate=1e-3,
            encoder_frozen_layers=0,
            encoder_frozen_epochs="all",
            encoder_layer_decay=1.0,
            decoder_channels=(32, 16, 8, 8, 8),
            decoder_norm=self.decoder_norm,
            drop_path_rate=0.0,
        )

    def build(self, seed: int = 0) -> SegmentationNetwork:
        torch.manual_seed(seed)
        params = self.params()
        if isinstance(params, CnnUnet):
            return cnn_unet.build(params, self.channels, self.image_size)
        assert isinstance(params, VitUnet)
        return vit_unet.build(params, self.channels, self.image_size)

    def images(self, number: int, seed: int = 0) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        shape = (number, self.channels, self.image_size, self.image_size)
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)

    def __str__(self) -> str:
        return f"{self.encoder}-{self.channels}-{self.image_size}-{self.decoder_norm}"


SAMPLES = [
    Sample("cnn_unet", "tu-regnety_004", channels=1, image_size=64),
    Sample("cnn_unet", "resnet18", channels=3, image_size=64),
    Sample("vit_unet", "tu-pvt_v2_b0", channels=1, image_size=64),
    Sample("vit_unet", "tu-pvt_v2_b0", channels=3, image_size=96),
    Sample("vit_unet", "tu-swin_tiny_patch4_window7_224", channels=1, image_size=64),
    Sample("vit_unet", "vit_tiny_patch16_224", channels=1, image_size=64),
    Sample("vit_unet", "tu-eva02_tiny_patch14_336", channels=3, image_size=96),
    Sample("cnn_unet", "tu-regnety_004", channels=1, image_size=64, decoder_norm="group"),
    Sample("vit_unet", "vit_tiny_patch16_224", channels=1, image_size=64, decoder_norm="instance"),
]
# the default pair and a plain ViT stand for all in `make test`
SOON = (SAMPLES[0], SAMPLES[2], SAMPLES[5])


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(params=[pytest.param(s, marks=[] if s in SOON else [pytest.mark.nightly], id=str(s)) for s in SAMPLES])
def sample(request: pytest.FixtureRequest) -> Sample:
    assert isinstance(request.param, Sample)
    return request.param


def step(network: SegmentationNetwork, images: torch.Tensor, optimiser: torch.optim.Optimizer) -> float:
    """One step towards "bright is lesion"; returns the loss before it."""
    truth = (images.float().mean(dim=1, keepdim=True) > 128).float()
    loss = binary_cross_entropy_with_logits(network(images).pixels, truth)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    optimiser.step()
    return loss.item()


@pytest.mark.parametrize("number", [1, 3])
def test_predicts_one_float_logit_per_pixel_and_one_per_image(sample: Sample, number: int) -> None:
    network = sample.build().eval()
    images = sample.images(number)
    found = network(images)
    assert found.pixels.shape == (number, 1, sample.image_size, sample.image_size)
    assert found.presence.shape == (number, 1)
    for one, other in zip(found, network(images.float()), strict=True):
        assert one.dtype == torch.float32
        assert torch.equal(one, other), "uint8 and float images in 0..255 mean the same"


def test_logits_are_float32_under_bfloat16(sample: Sample) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert {values.dtype for values in sample.build().eval()(sample.images(1))} == {torch.float32}


@pytest.mark.usefixtures("deterministic")
def test_a_step_lowers_the_loss_and_is_repeatable(sample: Sample) -> None:
    first, second = losses(sample), losses(sample)
    assert first == second
    assert first[1] < first[0]


def losses(sample: Sample) -> list[float]:
    network = sample.build().train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-5)
    images = sample.images(4)
    return [step(network, images, optimiser) for _ in range(2)]


def test_encoder_and_others_are_all_parameters_once(sample: Sample) -> None:
    network = sample.build()
    grouped = [*network.encoder_parameters(), *network.other_parameters()]
    assert len(grouped) == len({id(parameter) for parameter in grouped})
    assert {id(parameter) for parameter in grouped} == {id(parameter) for parameter in network.parameters()}


def test_every_weight_gets_a_gradient(sample: Sample) -> None:
    network = sample.build().train()
    found = network(sample.images(2))
    (found.pixels.square().sum() + found.presence.square().sum()).backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not without


def test_same_seed_same_weights(sample: Sample) -> None:
    one, same, other = (sample.build(seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_checkpoint_gives_equal_outputs(sample: Sample, tmp_path: Path) -> None:
    network = sample.build()
    network.train()(sample.images(4))  # moves the running statistics of the batch norms
    spec = checkpoint.CheckpointSpec.model_validate(
        {
            "network": sample.network,
            "channels": sample.channels,
            "image_size": sample.image_size,
            "params": sample.params().model_dump(mode="json"),
        }
    )
    checkpoint.save(network, spec, tmp_path)
    loaded, loaded_spec = registry.load(tmp_path)
    assert loaded_spec == spec
    assert not loaded.training
    images = sample.images(2, seed=1)
    network.eval()
    assert all(torch.equal(one, other) for one, other in zip(loaded(images), network(images), strict=True))


@pytest.mark.extended
@pytest.mark.parametrize(
    "sample", [pytest.param(s, marks=[] if s == SAMPLES[2] else [pytest.mark.nightly], id=str(s)) for s in SAMPLES]
)
def test_onnx_runtime_agrees(sample: Sample) -> None:
    network = sample.build().eval()
    program = torch.onnx.export(
        network,
        (sample.images(2),),
        dynamo=True,
        opset_version=20,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        input_names=["image"],
        verbose=False,
    )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for number in (1, 3):
        images = sample.images(number)
        for found, expected in zip(session.run(None, {"image": images.numpy()}), network(images), strict=True):
            np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-4, rtol=0)


def test_default_pair_is_of_like_size() -> None:
    cnn = cnn_unet.build(load("cnn_unet", CnnUnet, PARAMS), channels=1, image_size=128)
    vit = vit_unet.build(load("vit_unet", VitUnet, PARAMS), channels=1, image_size=128)
    sizes = [sum(parameter.numel() for parameter in network.parameters()) for network in (cnn, vit)]
    assert max(sizes) < 1.25 * min(sizes)
