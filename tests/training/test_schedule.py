"""Learning rates: warm-up, cosine, one peak for the encoder and one for the rest."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from breastseg.params.base import load
from breastseg.params.train import Train
from breastseg.training.schedule import make_optimizer, make_schedule, rate_factor
from tests.training import trainee

TRAIN = load("train", Train, trainee.PARAMS)
KNOBS = {"decoder_learning_rate": 1e-2, "weight_decay": 0.1}


@given(st.integers(1, 500), st.floats(0, 0.5))
def test_the_rate_rises_to_its_peak_and_falls_to_zero(steps: int, warmup_share: float) -> None:
    factors = [rate_factor(step, steps, warmup_share) for step in range(steps + 1)]
    warmup = round(warmup_share * steps)
    assert all(0 < factor <= 1 for factor in factors[:-1])
    assert factors[warmup] == max(factors) == 1
    assert factors[: warmup + 1] == sorted(factors[: warmup + 1])
    assert factors[warmup:] == sorted(factors[warmup:], reverse=True)
    assert factors[-1] < 1e-12


def test_every_weight_is_in_one_group_with_its_own_rate() -> None:
    plan = trainee.make_plan(trainee.PARAMS.parent, encoder_learning_rate=1e-4)
    network = plan.build()
    groups = make_optimizer(network, TRAIN.model_copy(update=KNOBS), plan.unet).param_groups
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [
        (1e-4, 0.1),
        (1e-4, 0),
        (1e-2, 0.1),
        (1e-2, 0),
    ]
    found = [parameter for group in groups for parameter in group["params"]]
    assert {id(p) for p in found} == {id(p) for p in network.parameters()}
    assert len(found) == len(list(network.parameters()))
    encoder = {id(p) for p in network.encoder_parameters()}
    assert {id(p) for group in groups[:2] for p in group["params"]} == encoder
    assert all(p.ndim <= 1 for group in groups[1::2] for p in group["params"])


def test_each_layer_of_the_encoder_learns_more_slowly_than_the_next() -> None:
    """The network has a stem and four stages; the last stage has the encoder's own rate."""
    plan = trainee.make_plan(trainee.PARAMS.parent, encoder_learning_rate=1e-4, encoder_layer_decay=0.5)
    network = plan.build()
    groups = make_optimizer(network, TRAIN.model_copy(update=KNOBS), plan.unet).param_groups
    peaks = [group["lr"] for group in groups]
    assert peaks == [0.0625e-4, 0.0625e-4, 0.125e-4, 0.125e-4, 0.25e-4, 0.25e-4, 0.5e-4, 0.5e-4, 1e-4, 1e-4, 1e-2, 1e-2]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0] * 6
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    named = dict(network.encoder.named_parameters())
    for name, rate in (("stem_0", 0.0625e-4), ("stages_0", 0.125e-4), ("stages_2", 0.5e-4), ("stages_3", 1e-4)):
        assert {rates[id(p)] for key, p in named.items() if key.startswith(f"model.{name}.")} == {rate}
    assert {id(p) for p in network.parameters()} == set(rates)


def test_frozen_weights_are_in_no_group() -> None:
    """So that no step moves or decays them, and no group is empty."""
    plan = trainee.make_plan(trainee.PARAMS.parent, encoder_frozen_layers=2)
    network = plan.build()
    for layers, count in ((2, 4), ("all", 2)):
        network.freeze_encoder(layers)  # type: ignore[arg-type] # a pair of each kind
        groups = make_optimizer(network, TRAIN, plan.unet).param_groups
        assert len(groups) == count
        assert all(group["params"] for group in groups)
        grouped = {id(p) for group in groups for p in group["params"]}
        assert grouped == {id(p) for p in network.parameters() if p.requires_grad}


def test_the_schedule_scales_all_groups_alike() -> None:
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1)], "lr": 1.0}, {"params": [torch.zeros(1)], "lr": 0.1}])
    schedule = make_schedule(optimizer, 10, 0.3)
    for step in range(10):
        assert schedule.get_last_lr() == [rate_factor(step, 10, 0.3) * peak for peak in (1.0, 0.1)]
        optimizer.step()
        schedule.step()
