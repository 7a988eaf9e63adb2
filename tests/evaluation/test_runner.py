from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from breastseg.errors import ProblemsError
from breastseg.evaluation.runner import measure_cost, predict_logits
from breastseg.inference.letterbox import Letterbox
from breastseg.models import registry
from breastseg.params.inference import Inference
from tests.evaluation import world

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def test_logits_are_those_of_the_network_case_by_case(checkpoints: dict[str, Path]) -> None:
    cases = [world.make_case(index) for index in range(19)]  # more than a batch
    found = list(predict_logits(checkpoints["cnn_unet"], iter(cases), world.ONCE))
    network, _ = registry.load(checkpoints["cnn_unet"])
    assert len(found) == len(cases)
    for case, logits in zip(cases, found, strict=True):
        image = Letterbox(world.HEIGHT, world.WIDTH, world.SIZE).image(case.image(), 1)
        with torch.inference_mode():
            expected = network(torch.from_numpy(image[None]))
        assert logits.pixels.dtype == np.float32
        assert logits.pixels.shape == (world.SIZE, world.SIZE)
        assert logits.pixels == pytest.approx(expected.pixels[0, 0].numpy(), abs=1e-4)
        assert logits.presence == pytest.approx(expected.presence.item(), abs=1e-4)


def test_the_same_twice(checkpoints: dict[str, Path]) -> None:
    cases = [world.make_case(index) for index in range(5)]
    first, second = (list(predict_logits(checkpoints["vit_unet"], cases, world.ONCE)) for _ in range(2))
    assert all((one.pixels == other.pixels).all() for one, other in zip(first, second, strict=True))
    assert [one.presence for one in first] == [other.presence for other in second]


def test_a_missing_checkpoint_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match="No checkpoint"):
        next(predict_logits(tmp_path / "none", [world.make_case(1)], world.ONCE))


def test_the_cost_is_that_of_the_networks_parameters_at_the_size_of_training(checkpoints: dict[str, Path]) -> None:
    network, _ = registry.load(checkpoints["cnn_unet"])
    cost = measure_cost(checkpoints["cnn_unet"], world.ONCE)
    assert cost.params_m == pytest.approx(sum(weight.numel() for weight in network.parameters()) / 1e6, rel=1e-5)
    # LCNet 0.35 and a small decoder at 64 px: some millions of multiply-accumulates
    assert 1e-3 < cost.macs_g < 0.1
    assert measure_cost(checkpoints["cnn_unet"], world.ONCE) == cost


def test_both_mirror_images_cost_twice_and_are_averaged(checkpoints: dict[str, Path]) -> None:
    twice, folder, case = Inference(flip_averaging=True), checkpoints["cnn_unet"], world.make_case(1)
    once, cost = measure_cost(folder, world.ONCE), measure_cost(folder, twice)
    assert cost.params_m == once.params_m
    assert cost.macs_g == pytest.approx(2 * once.macs_g, rel=1e-5)
    network, _ = registry.load(folder)
    image = torch.from_numpy(Letterbox(world.HEIGHT, world.WIDTH, world.SIZE).image(case.image(), 1)[None])
    with torch.inference_mode():
        one, other = network(image), network(image.flip(-1))
    (found,) = predict_logits(folder, [case], twice)
    assert found.pixels == pytest.approx((one.pixels + other.pixels.flip(-1))[0, 0].numpy() / 2, abs=1e-4)
    assert found.presence == pytest.approx((one.presence + other.presence).item() / 2, abs=1e-4)
