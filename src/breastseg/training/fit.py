"""Trains one network from its inputs to its outs; a run that was killed goes on where it was."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import torch
from lightning.pytorch import Trainer
from tqdm import tqdm

from breastseg.errors import BreastsegError
from breastseg.models import checkpoint
from breastseg.training.callbacks import ProgressBar, Recorder
from breastseg.training.curves import Curves
from breastseg.training.device import choose_device, choose_precision
from breastseg.training.key import training_key
from breastseg.training.module import SegmentationTask
from breastseg.training.scratch import Scratch
from breastseg.training.tensors import load_training_cases

if TYPE_CHECKING:
    from lightning.pytorch import Callback

    from breastseg.models.network import SegmentationNetwork
    from breastseg.training.device import LightningPrecision
    from breastseg.training.plan import TrainingPlan


def fit(plan: TrainingPlan) -> None:
    """Train, and write the best epoch's weights and the curves.

    The state is kept below `plan.scratch` after every epoch and removed at the end. On a CPU the outs depend on the
    plan alone, byte for byte, however often the run was killed; `docs/training.md` says what holds on other devices.

    Raises:
        ProblemsError: The split does not fit the table, or cannot be trained on.
        BreastsegError: The device is missing, the training diverged, or it was interrupted.
    """
    device = choose_device(plan.train.accelerator)
    precision = choose_precision(plan.train.precision, device)
    cases = load_training_cases(plan.table, plan.split, plan.train)
    torch.manual_seed(plan.seed)
    network = plan.build()
    scratch = Scratch(plan.scratch, f"{plan.spec.network}-{training_key(plan, device, precision)}")
    with scratch.lock():
        resumed = scratch.read()
        recorder = Recorder(scratch, Curves(plan.curves, resumed.history if resumed else []), resumed)
        task = SegmentationTask(network, plan, cases, resumed)
        with tqdm(desc=plan.spec.network, initial=task.steps_done, total=task.steps, unit="step", mininterval=1) as bar:
            _train(task, [ProgressBar(bar), recorder], device, precision)
        _write_outs(plan, network, recorder)
        scratch.clear()


def _train(
    task: SegmentationTask, callbacks: list[Callback], device: torch.device, precision: LightningPrecision
) -> None:
    """Run the epochs that are left."""
    if task.epochs_left == 0:
        return
    # its notes on loggers and devices are of no use to the reader of a stage's output
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    trainer = Trainer(
        accelerator=device.type,
        devices=1,
        precision=precision,
        max_epochs=task.epochs_left,
        reload_dataloaders_every_n_epochs=1,
        deterministic=device.type == "cpu",
        callbacks=callbacks,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        # of Lightning's own calls to torch, which nobody here can mend
        warnings.filterwarnings("ignore", message=r".*LeafSpec.* is deprecated")
        try:
            trainer.fit(task)
        except SystemExit as error:  # Lightning's answer to Ctrl-C and SIGTERM; the latter's exit code would be 0
            raise BreastsegError("Interrupted. Start it again: it goes on after the last complete epoch") from error


def _write_outs(plan: TrainingPlan, network: SegmentationNetwork, recorder: Recorder) -> None:
    network.load_state_dict(recorder.best)
    checkpoint.save(network, plan.spec, plan.checkpoint)
    # written anew: another dvc may have removed what was shown on the way
    Curves(plan.curves, recorder.history).end()
