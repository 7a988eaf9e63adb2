"""A training that takes a second, in this process or in one that is killed on purpose."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from breastseg.data.split_table import SplitRow, write_split
from breastseg.data.table import PreparedCase, write_table
from breastseg.models import checkpoint, cnn_unet
from breastseg.params.base import load
from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.train import Augment, Train
from breastseg.training.fit import fit
from breastseg.training.plan import TrainingPlan
from breastseg.training.scratch import Scratch, TrainingState
from tests.unets import UNET
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess

    import numpy.typing as npt

    from breastseg.models.network import SegmentationNetwork

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"
EPOCHS = 4
# the augmentation that changes nothing
UNCHANGED = {**dict.fromkeys(Augment.model_fields, 0.0), "gamma": 1.0}
PROCESSES = multiprocessing.get_context("forkserver")
# a fresh process each; only what is slow to import is inherited, the package is each one's own
PROCESSES.set_forkserver_preload(["dvclive.live", "lightning.pytorch", "segmentation_models_pytorch", "timm"])


def make_case(case_id: str, rng: np.random.Generator, *, normal: bool = False) -> PreparedCase:
    """A noisy image of 60 x 64 px with a dark square as its lesion; its last column is not to be judged."""
    mask = np.zeros((60, 64), np.bool_)
    if not normal:
        top, left = rng.integers(5, 30, 2)
        mask[top : top + 20, left : left + 20] = True
    image = (rng.integers(80, 250, mask.shape) * np.where(mask, 0.3, 1)).astype(np.uint8)
    ignored = np.zeros_like(mask)
    ignored[:, -1] = True
    return PreparedCase(
        case_id=case_id,
        dataset="test",
        patient=None,
        label="normal" if normal else "benign",
        device=None,
        height=60,
        width=64,
        channels=1,
        lesions=int(not normal),
        flags=(),
        content_hash=hashlib.sha256(image.tobytes()).hexdigest(),
        duplicate_group=case_id,
        image_png=_png(image),
        mask_png=_png(mask),
        ignored_png=_png(ignored),
    )


def write_inputs(root: Path) -> None:
    """Write a prepared table of 17 cases, every fifth a normal, and a split: 11 train, 4 val, 2 test."""
    rng = np.random.default_rng(0)
    cases = [make_case(f"case{i:02}", rng, normal=i % 5 == 0) for i in range(17)]
    write_table(cases, root / "cases.parquet")
    rows = [SplitRow(f"case{i:02}", f"case{i:02}", i % 3, "train") for i in range(11)]
    rows += [SplitRow(f"case{i:02}", f"case{i:02}", i % 3, "val") for i in range(11, 15)]
    rows += [SplitRow(f"case{i:02}", f"case{i:02}", i % 3, "test") for i in range(15, 17)]
    write_split(rows, root / "splits.csv")


_SMALLEST = UNET | {"encoder": "tu-test_convnext", "decoder_channels": (8, 8, 8, 8, 8), "drop_path_rate": 0.5}


def make_plan(root: Path, *, seed: int = 0, **knobs: Any) -> TrainingPlan:  # noqa: ANN401 - of either section
    """Train timm's smallest network, with stochastic depth, on the inputs in `root`; the outs go there too."""
    params = CnnUnet.model_validate({name: knobs.pop(name, value) for name, value in _SMALLEST.items()})
    section = load("train", Train, PARAMS).model_dump()
    section |= {"image_size": 64, "batch_size": 4, "epochs": EPOCHS, "accelerator": "cpu", **knobs}
    spec = checkpoint.CheckpointSpec(
        network="cnn_unet", channels=1, image_size=64, params=params.model_dump(mode="json")
    )
    return TrainingPlan(
        spec=spec,
        build=partial(cnn_unet.build, params, 1, 64),
        train=Train.model_validate(section),
        unet=params,
        seed=seed,
        table=root / "cases.parquet",
        split=root / "splits.csv",
        checkpoint=root / "models",
        curves=root / "plots",
        scratch=root / "scratch",
    )


def outs(root: Path) -> dict[str, bytes]:
    """Every file that a training is declared to leave."""
    files = sorted(file for name in ("models", "plots") for file in (root / name).rglob("*") if file.is_file())
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def start(plan: TrainingPlan, prepare: Callable[[], None] | None = None) -> BaseProcess:
    """Start the training in a process of its own, after `prepare` has run there."""
    process = PROCESSES.Process(target=_run, args=(plan, prepare))
    process.start()
    return process


def run(plan: TrainingPlan, prepare: Callable[[], None] | None = None) -> int:
    """Train in a process of its own; return its exit code, the negative number of the signal that killed it."""
    process = start(plan, prepare)
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def die_after_epoch(epochs: int) -> None:
    """Have this process killed right after so many epochs are saved."""
    _wrap_write(epochs, after=True, keep=1.0)


def die_while_saving(epochs: int, keep: float) -> None:
    """Have this process killed when that share of the state after so many epochs is on the disk."""
    _wrap_write(epochs, after=False, keep=keep)


def die_before_curves() -> None:
    """Have this process killed between its two outs."""
    original = checkpoint.save

    def save(network: SegmentationNetwork, spec: checkpoint.CheckpointSpec, folder: Path) -> None:
        original(network, spec, folder)
        _die()

    checkpoint.save = save


def die_before_clearing() -> None:
    """Have this process killed when its outs are complete, but its state is still there."""

    def clear(self: Scratch) -> None:
        del self
        _die()

    Scratch.clear = clear  # type: ignore[method-assign] # this process lives for nothing else


def rest_after_epoch(epochs: int, resting: Path, until: Path) -> None:
    """Have this process rest, once so many epochs are saved, until a file exists; it makes another when it rests."""

    def rest(saved: int) -> None:
        if saved == epochs:
            resting.touch()
            wait_until(until.exists)

    _after_saving(rest)


def interrupt_after_epoch(epochs: int, number: signal.Signals) -> None:
    """Have this process sent a signal that it may handle, once so many epochs are saved."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _after_saving(lambda saved: os.kill(os.getpid(), number) if saved == epochs else None)


def _after_saving(act: Callable[[int], None]) -> None:
    original = Scratch.write

    def write(self: Scratch, state: TrainingState) -> None:
        original(self, state)
        act(len(state.history))

    Scratch.write = write  # type: ignore[method-assign] # this process lives for nothing else


def _run(plan: TrainingPlan, prepare: Callable[[], None] | None) -> None:
    torch.set_num_threads(1)
    os.chdir(plan.scratch.parent)  # DVCLive looks for a repository here
    if prepare is not None:
        prepare()
    fit(plan)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wrap_write(epochs: int, *, after: bool, keep: float) -> None:
    original = Path.replace

    def dying(self: Path, target: Path) -> Path:
        nonlocal epochs
        if self.name != "state.partial":
            return original(self, target)
        epochs -= 1
        if epochs == 0 and not after:
            os.truncate(self, int(self.stat().st_size * keep))
            _die()
        moved = original(self, target)
        if epochs == 0:
            _die()
        return moved

    Path.replace = dying  # type: ignore[method-assign,assignment] # this process lives for nothing else


def _png(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()
