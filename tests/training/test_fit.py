"""A training is a function of its plan: same bytes however often it was killed."""

from __future__ import annotations

import logging
import shutil
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from filelock import FileLock, Timeout
from safetensors.torch import load_file

from breastseg.data.split_table import read_split
from breastseg.data.table import read_table
from breastseg.errors import BreastsegError
from breastseg.models import registry
from breastseg.training.fit import fit
from breastseg.training.scratch import Scratch, TrainingState
from tests.training import trainee
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from breastseg.data.cases import Mask
    from breastseg.inference.raster import UInt8Image

KILLED = -signal.SIGKILL


@pytest.fixture
def here(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Train in this process, where a warning is an error, and leave torch and logging as they were."""
    monkeypatch.chdir(root)
    level = logging.getLogger("lightning.pytorch").level
    yield root
    logging.getLogger("lightning.pytorch").setLevel(level)
    torch.use_deterministic_algorithms(mode=False)


def curve(root: Path, name: str) -> list[float]:
    lines = (root / "plots" / "plots" / "metrics" / f"{name}.tsv").read_text().splitlines()
    return [float(line.split("\t")[1]) for line in lines[1:]]


def test_leaves_a_checkpoint_four_curves_and_no_state(here: Path) -> None:
    fit(trainee.make_plan(here, epochs=2))
    assert set(trainee.outs(here)) == {
        "models/network.json",
        "models/weights.safetensors",
        *(f"plots/plots/metrics/{name}.tsv" for name in ("train_loss", "val_loss", "val_dice", "learning_rate")),
    }
    assert [path.name for path in (here / "scratch").iterdir() if path.is_dir()] == []
    network, spec = registry.load(here / "models")
    assert network(torch.zeros(1, 1, 64, 64)).pixels.shape == (1, 1, 64, 64)
    assert spec == trainee.make_plan(here).spec


def test_learns(here: Path) -> None:
    knobs: dict[str, Any] = {
        "epochs": 20,
        "augment": trainee.UNCHANGED,
        "ema_decay": 0.5,
        "encoder_learning_rate": 0.01,
    }
    fit(trainee.make_plan(here, decoder_learning_rate=0.01, **knobs))
    losses, dice = curve(here, "train_loss"), curve(here, "val_dice")
    assert losses[-1] < 0.6 * losses[0]
    assert max(dice) > 0.5


def test_the_checkpoint_scores_what_the_curve_says(here: Path) -> None:
    """Its weights reproduce the highest validation Dice of the curve, computed from the table itself."""
    knobs: dict[str, Any] = {"epochs": 8, "precision": "float32", "ema_decay": 0.5}
    fit(trainee.make_plan(here, encoder_learning_rate=0.02, decoder_learning_rate=0.02, **knobs))
    network, _ = registry.load(here / "models")
    dice = []
    for case in _validation_cases(here):
        image = np.zeros((64, 64), np.uint8)
        image[2:62] = case[0]
        predicted = network(torch.from_numpy(image)[None, None]).pixels[0, 0, 2:62].detach().numpy() > 0
        dice.append(_dice(predicted[:, :-1], case[1][:, :-1]))
    assert np.mean(dice) == pytest.approx(max(curve(here, "val_dice")), abs=1e-5)


@pytest.mark.parametrize(("scores", "best"), [((0.1, 0.9, 0.5), 1), ((0.9, 0.1, 0.5), 0), ((0.1, 0.2, 0.3), 2)])
def test_keeps_the_averaged_weights_of_the_best_epoch(
    here: Path, monkeypatch: pytest.MonkeyPatch, scores: tuple[float, ...], best: int
) -> None:
    saved: list[dict[str, torch.Tensor]] = []
    prefix = "averaged.module."

    def remember(_: Scratch, state: TrainingState) -> None:
        names = [name for name in state.task if name.startswith(prefix)]
        saved.append({name.removeprefix(prefix): state.task[name].clone() for name in names})

    monkeypatch.setattr(Scratch, "write", remember)
    # the four validation cases are one batch
    monkeypatch.setattr("breastseg.training.module.lesion_dice", lambda *_: torch.tensor([scores[len(saved)]]))
    fit(trainee.make_plan(here, epochs=3))
    kept = load_file(here / "models" / "weights.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in saved[best].items())
    assert [name for name, value in saved[best - 1].items() if not torch.equal(kept[name], value)]


def test_trains_without_a_moving_average(here: Path) -> None:
    fit(trainee.make_plan(here, epochs=1, ema_decay=0.0, channels_last=False))
    assert "models/weights.safetensors" in trainee.outs(here)


def test_a_diverged_training_says_which_knob_to_turn(here: Path) -> None:
    plan = trainee.make_plan(here, decoder_learning_rate=1e30, encoder_learning_rate=1e30, gradient_clip_norm=1e30)
    with pytest.raises(BreastsegError, match=r"encoder_learning_rate of the network"):
        fit(plan)
    assert not (here / "models").exists()


def test_one_value_per_channel_says_which_knob_to_turn(here: Path) -> None:
    # past the check of the params, as a training set of one image is
    plan = trainee.make_plan(here, encoder="tu-test_resnet", image_size=32, batch_size=1)
    with pytest.raises(
        BreastsegError, match=r"one value per channel.*Set train\.batch_size or train\.image_size higher"
    ):
        fit(plan)


def test_frozen_layers_are_those_that_the_network_started_with(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Weights and running statistics alike, in the average that is kept."""
    plan = trainee.make_plan(here, epochs=2, encoder="tu-test_resnet", encoder_frozen_layers=3)
    fit(plan)
    assert "frozen layers of the encoder are random, since encoder_weights is null" in caplog.text
    torch.manual_seed(plan.seed)
    start = plan.build().state_dict()
    kept = load_file(here / "models" / "weights.safetensors")
    stages = ("conv1.", "bn1.", "layer1.", "layer2.")
    for name, value in kept.items():
        if name.startswith("encoder."):
            is_frozen = name.removeprefix("encoder.model.").startswith(stages)
            assert torch.equal(value, start[name]) == is_frozen, name
    network, _ = registry.load(here / "models")
    assert network(torch.zeros(1, 1, 64, 64)).pixels.shape == (1, 1, 64, 64)


@pytest.mark.extended
def test_killed_before_the_encoder_is_released_equals_uninterrupted(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Killed in the first epoch, frozen, and in the third, released."""
    knobs: dict[str, Any] = {"encoder_frozen_layers": "all", "encoder_frozen_epochs": 2, "encoder_layer_decay": 0.5}
    other = tmp_path_factory.mktemp("uninterrupted")
    trainee.write_inputs(other)
    assert trainee.run(trainee.make_plan(other, **knobs)) == 0
    plan = trainee.make_plan(root, **knobs)
    assert trainee.run(plan, partial(trainee.die_after_epoch, 1)) == KILLED
    assert trainee.run(plan, partial(trainee.die_after_epoch, 2)) == KILLED
    assert trainee.run(plan) == 0
    assert trainee.outs(root) == trainee.outs(other)


@pytest.mark.extended
def test_killed_and_restarted_stays_frozen(root: Path) -> None:
    plan = trainee.make_plan(root, epochs=2, encoder_frozen_layers="all")
    assert trainee.run(plan, partial(trainee.die_after_epoch, 1)) == KILLED
    assert trainee.run(plan) == 0
    torch.manual_seed(plan.seed)
    start = plan.build().state_dict()
    kept = load_file(root / "models" / "weights.safetensors")
    changed = {name.partition(".")[0] for name, value in kept.items() if not torch.equal(value, start[name])}
    assert changed == {"decoder", "head", "presence_head"}


def test_same_plan_same_bytes_and_no_trace_of_the_machine(
    root: Path, uninterrupted: dict[str, bytes], tmp_path: Path
) -> None:
    assert trainee.run(trainee.make_plan(root)) == 0
    assert trainee.outs(root) == uninterrupted
    assert not [name for name, content in uninterrupted.items() if str(tmp_path.parent).encode() in content]


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"ema_decay": 0.5}, {"precision": "float32"}], ids=["seed", "train", "precision"]
)
def test_another_plan_gives_other_weights(
    root: Path, uninterrupted: dict[str, bytes], change: dict[str, float | str]
) -> None:
    if change == {"precision": "float32"} and "avx512_bf16" not in _capabilities():
        pytest.skip("this CPU computes in float32 anyway")
    assert trainee.run(trainee.make_plan(root, **change)) == 0  # type: ignore[arg-type] # any knob
    name = "models/weights.safetensors"
    assert trainee.outs(root)[name] != uninterrupted[name]


def test_killed_and_restarted_equals_uninterrupted(root: Path, uninterrupted: dict[str, bytes]) -> None:
    """Killed after an epoch, then in mid-write of the next state; only the third run comes through."""
    plan = trainee.make_plan(root)
    assert trainee.run(plan, partial(trainee.die_after_epoch, 2)) == KILLED
    assert trainee.run(plan, partial(trainee.die_while_saving, 1, 0.5)) == KILLED
    assert trainee.run(plan) == 0
    assert trainee.outs(root) == uninterrupted


def death_name(death: Callable[[], None]) -> str:
    """A name without memory addresses: the processes that share the tests have to agree on it."""
    if isinstance(death, partial):
        return "-".join(map(str, (death.func.__name__, *death.args)))
    return str(death.__name__)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "death",
    [
        *(partial(trainee.die_after_epoch, epochs) for epochs in range(1, trainee.EPOCHS + 1)),
        *(partial(trainee.die_while_saving, epochs, keep) for epochs in (1, 3) for keep in (0.0, 0.3, 1.0)),
        trainee.die_before_curves,
        trainee.die_before_clearing,
    ],
    ids=death_name,
)
def test_killed_anywhere_equals_uninterrupted(
    root: Path, uninterrupted: dict[str, bytes], death: Callable[[], None]
) -> None:
    plan = trainee.make_plan(root)
    assert trainee.run(plan, death) == KILLED
    assert trainee.run(plan) == 0
    assert trainee.outs(root) == uninterrupted


@pytest.mark.nightly
def test_killed_at_random_moments_equals_uninterrupted(root: Path, uninterrupted: dict[str, bytes]) -> None:
    plan = trainee.make_plan(root)
    for delay in np.random.default_rng(0).uniform(0.05, 1.5, 12):
        process = trainee.start(plan)
        process.join(delay)
        process.kill()
        process.join()
    assert trainee.run(plan) == 0
    assert trainee.outs(root) == uninterrupted


@pytest.mark.nightly
def test_resumes_at_the_next_epoch(root: Path) -> None:
    """Not from the start: the second process needs to live for the remaining epochs only."""
    plan = trainee.make_plan(root)
    assert trainee.run(plan, partial(trainee.die_after_epoch, 3)) == KILLED
    assert trainee.run(plan, partial(trainee.die_after_epoch, 2)) == 0


@pytest.mark.nightly
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_polite_interruption_is_a_failure_and_loses_no_epoch(
    root: Path, uninterrupted: dict[str, bytes], number: signal.Signals
) -> None:
    plan = trainee.make_plan(root)
    assert trainee.run(plan, partial(trainee.interrupt_after_epoch, 2, number)) == 1
    assert not (root / "models").exists()
    assert trainee.run(plan, partial(trainee.die_after_epoch, 3)) == 0
    assert trainee.outs(root) == uninterrupted


@pytest.mark.nightly
def test_a_forced_repetition_trains_anew(root: Path) -> None:
    plan = trainee.make_plan(root, epochs=2)
    assert trainee.run(plan) == 0
    assert trainee.run(plan, partial(trainee.die_after_epoch, 1)) == KILLED


@pytest.mark.nightly
def test_a_changed_plan_never_resumes(root: Path, uninterrupted: dict[str, bytes]) -> None:
    assert trainee.run(trainee.make_plan(root, seed=1), partial(trainee.die_after_epoch, 2)) == KILLED
    assert trainee.run(trainee.make_plan(root)) == 0
    assert trainee.outs(root) == uninterrupted


@pytest.mark.nightly
def test_waits_for_a_trainer_that_is_still_at_it_and_carries_on(root: Path, uninterrupted: dict[str, bytes]) -> None:
    """As when dvc alone was killed: the next one removes the outs and starts a second trainer."""
    plan = trainee.make_plan(root)
    first = trainee.start(plan, partial(trainee.rest_after_epoch, 2, root / "resting", root / "go on"))
    wait_until((root / "resting").exists)
    shutil.rmtree(root / "plots")
    second = trainee.start(plan, partial(trainee.die_after_epoch, 1))
    wait_until(lambda: _is_locked(root / "scratch", "queue.lock"))
    (root / "go on").touch()
    first.join()
    second.join()
    # had the second trained a single epoch, it would have died
    assert (first.exitcode, second.exitcode) == (0, 0)
    assert trainee.outs(root) == uninterrupted


def _is_locked(folder: Path, ending: str) -> bool:
    (path,) = folder.glob(f"*.{ending}")
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def _capabilities() -> set[str]:
    return {name for name, has in torch.cpu.get_capabilities().items() if has is True}


def _validation_cases(root: Path) -> list[tuple[UInt8Image, Mask]]:
    ids = [row.case_id for row in read_split(root / "splits.csv") if row.subset == "val"]
    return [(c.image(), c.mask()) for c in read_table(root / "cases.parquet", ids) if c.label != "normal"]


def _dice(predicted: Mask, truth: Mask) -> float:
    return float(2 * (predicted & truth).sum() / (predicted.sum() + truth.sum()))
