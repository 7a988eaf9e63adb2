"""One step of training: what is averaged, and how far a step may go."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch

from breastseg.models import cnn_unet
from breastseg.params.base import load
from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.train import Train
from breastseg.training.module import SegmentationTask
from breastseg.training.schedule import make_optimizer
from breastseg.training.tensors import CaseTensors
from tests.training import trainee


def make_task(**changes: object) -> SegmentationTask:
    train = load("train", Train, trainee.PARAMS).model_copy(update=changes)
    params = load("cnn_unet", CnnUnet, trainee.PARAMS).model_copy(update={"encoder": "tu-lcnet_035"})
    nothing = torch.zeros(2, 1, 32, 32, dtype=torch.uint8)
    cases = CaseTensors(nothing, nothing, ("a", "a"), torch.ones(2))
    plan = replace(trainee.make_plan(trainee.PARAMS.parent), train=train)
    return SegmentationTask(cnn_unet.build(params, 1, 32), plan, (cases, cases), None)


def make_frozen_task(epochs: int | Literal["all"], layers: int | Literal["all"] = 2) -> SegmentationTask:
    plan = trainee.make_plan(
        trainee.PARAMS.parent,
        # has batch normalisation, and no weight that starts without a gradient
        encoder="tu-test_efficientnet",
        encoder_frozen_layers=layers,
        encoder_frozen_epochs=epochs,
        drop_path_rate=0.0,
        ema_decay=0.5,
    )
    nothing = torch.zeros(2, 1, 64, 64, dtype=torch.uint8)
    cases = CaseTensors(nothing, nothing, ("a", "a"), torch.ones(2))
    return SegmentationTask(plan.build(), plan, (cases, cases), None)


def train_epoch(task: SegmentationTask, optimizer: torch.optim.Optimizer, epoch: int) -> set[str]:
    """Train one step of an epoch, the way that Lightning does; return what has changed, the average left out."""
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    task.trainer = OneOfTwo(0, epoch)  # type: ignore[assignment] # as much of it as is asked for
    task.on_train_epoch_start()
    images = torch.randint(0, 255, (4, 1, 64, 64), dtype=torch.uint8)
    optimizer.zero_grad()
    found = task.network(images)
    (found.pixels.square().mean() + found.presence.square().mean()).backward()
    task.configure_gradient_clipping()
    optimizer.step()
    task.on_train_batch_end()
    return {name for name, value in task.network.state_dict().items() if not torch.equal(value, before[name])}


def encoder_names(task: SegmentationTask, *, frozen: bool) -> set[str]:
    """Weights and running statistics of stem and first stage, or of the others."""
    stem = ("encoder.model.conv_stem", "encoder.model.bn1", "encoder.model.blocks.0.")
    names = [name for name in task.network.state_dict() if name.startswith("encoder.")]
    return {name for name in names if name.startswith(stem) == frozen}


def test_frozen_layers_are_those_of_the_plan_from_the_start() -> None:
    task = make_frozen_task("all")
    optimizer = make_optimizer(task.network, task._train, task._plan.unet)
    judged = {name: value.clone() for name, value in task.judged.state_dict().items()}
    for epoch in range(2):
        changed = train_epoch(task, optimizer, epoch)
        assert not changed & encoder_names(task, frozen=True)
        assert changed >= encoder_names(task, frozen=False)
    after = task.judged.state_dict()
    assert all(torch.equal(after[name], judged[name]) for name in encoder_names(task, frozen=True))
    assert not torch.equal(after["head.0.weight"], judged["head.0.weight"])


def test_a_frozen_encoder_is_released_after_its_epochs() -> None:
    """The optimiser has all weights from the start, but neither moves nor decays those that are frozen."""
    task = make_frozen_task(2, layers="all")
    optimizer = make_optimizer(task.network, task._train, task._plan.unet)
    assert len(optimizer.param_groups) == 4
    encoder = encoder_names(task, frozen=True) | encoder_names(task, frozen=False)
    for epoch in range(4):
        assert train_epoch(task, optimizer, epoch) & encoder == (encoder if epoch >= 2 else set())


def first_weight(task: SegmentationTask) -> torch.Tensor:
    return next(task.network.parameters())


def test_the_average_keeps_its_decay_and_takes_the_rest_from_the_weights() -> None:
    task = make_task(ema_decay=0.75)
    expected = first_weight(task).detach().clone()
    for step in range(3):
        with torch.no_grad():
            first_weight(task).fill_(step)
        task.on_train_batch_end()
        # torch's average starts at the first weights that it is shown
        expected = torch.full_like(expected, 0) if step == 0 else 0.75 * expected + 0.25 * step
    torch.testing.assert_close(next(task.judged.parameters()), expected)


def test_without_a_decay_the_weights_themselves_are_kept() -> None:
    task = make_task(ema_decay=0.0)
    assert task.judged is task.network


def test_a_step_is_no_longer_than_the_norm_allows() -> None:
    task = make_task(gradient_clip_norm=0.5)
    for parameter in task.network.parameters():
        parameter.grad = torch.full_like(parameter, 10)
    task.configure_gradient_clipping()
    norms = [parameter.grad.norm() for parameter in task.network.parameters() if parameter.grad is not None]
    torch.testing.assert_close(torch.stack(norms).norm(), torch.tensor(0.5), rtol=1e-3, atol=0)


class OneOfTwo:
    """Stands for the trainer of a process; the other process has counted 3 more of everything."""

    world_size = 2

    def __init__(self, rank: int, epoch: int = 0) -> None:
        self.global_rank, self.current_epoch, self.strategy = rank, epoch, self

    def reduce(self, tensor: torch.Tensor, reduce_op: str) -> torch.Tensor:
        other = tensor + 3
        return {"mean": (tensor + other) / 2, "sum": tensor + other}[reduce_op]


def test_running_statistics_become_the_mean_of_the_processes() -> None:
    task = make_task()
    before = {name: buffer.clone() for name, buffer in task.named_buffers()}
    task.trainer = OneOfTwo(0)  # type: ignore[assignment] # as much of it as is asked for
    task.on_validation_start()
    for name, buffer in task.named_buffers():
        torch.testing.assert_close(buffer, before[name] + 1.5 if buffer.is_floating_point() else before[name])
    assert any(name.endswith("running_mean") for name in before)


def test_each_process_changes_its_images_at_random_by_itself() -> None:
    images = torch.randint(0, 255, (2, 1, 32, 32), dtype=torch.uint8)
    changed = []
    for rank in (0, 1, 0):
        task = make_task()
        task.trainer = OneOfTwo(rank)  # type: ignore[assignment] # as above
        task.on_train_epoch_start()
        changed.append(task.on_after_batch_transfer((images, torch.zeros_like(images), torch.ones(2)), 0)[0])
    assert torch.equal(changed[0], changed[2])
    assert not torch.equal(changed[0], changed[1])
