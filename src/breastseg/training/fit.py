"""Trains one network from its inputs to its outs; a run that was killed goes on where it was."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from lightning.pytorch import Trainer

from breastseg.errors import BreastsegError
from breastseg.models import checkpoint
from breastseg.training.callbacks import EndTogether, ProgressBar, Recorder, SameTraining
from breastseg.training.curves import Curves
from breastseg.training.device import choose_device, choose_precision
from breastseg.training.key import training_facts, training_key
from breastseg.training.module import SegmentationTask
from breastseg.training.processes import (
    check_processes,
    choose_environment,
    choose_strategy,
    end_with_leader,
    is_loss_of_a_process,
    meeting_place,
    share_threads,
)
from breastseg.training.scratch import Scratch
from breastseg.training.tensors import load_training_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning.pytorch import Callback

    from breastseg.models.network import SegmentationNetwork
    from breastseg.training.device import LightningPrecision
    from breastseg.training.plan import TrainingPlan
    from breastseg.training.scratch import TrainingState

_log = logging.getLogger(__name__)
_MEND = "Start it again: it goes on after the last complete epoch"


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
    check_processes(plan.train, device)
    share_threads(plan.train.devices)
    cases = load_training_cases(plan.table, plan.split, plan.train)
    torch.manual_seed(plan.seed)
    network = plan.build()
    scratch = Scratch(plan.scratch, f"{plan.spec.network}-{training_key(plan, device, precision)}")
    recorder = Recorder(scratch, plan.curves)
    callbacks = [SameTraining(training_facts(plan)), EndTogether(), ProgressBar(plan.spec.network), recorder]
    trainer = _make_trainer(plan, device, precision, callbacks)
    end_with_leader(trainer.local_rank, plan.train.devices)
    if trainer.is_global_zero and plan.unet.encoder_frozen_layers != 0 and plan.unet.encoder_weights is None:
        fix = "Set encoder_weights, or encoder_frozen_layers to 0"
        _log.warning("The frozen layers of the encoder are random, since encoder_weights is null. %s", fix)
    if plan.train.nodes > 1 and trainer.local_rank == 0:
        _log.info("Machine %d of %d; they meet at %s", trainer.node_rank + 1, plan.train.nodes, meeting_place())
    with _held(scratch, trainer) as resumed:
        _train(trainer, SegmentationTask(network, plan, cases, resumed))
        # each machine has its own copy of the repository
        if trainer.local_rank == 0:
            _write_outs(plan, network, recorder)


@contextmanager
def _held(scratch: Scratch, trainer: Trainer) -> Iterator[TrainingState | None]:
    """Hold the folder, and hand out the state in it; both are the first process's, and so is the end of both."""
    if not trainer.is_global_zero:
        yield None
        return
    with scratch.lock():
        if (resumed := scratch.read()) is not None:
            _log.info("Resuming after epoch %d of %s", len(resumed.history), trainer.max_epochs)
        yield resumed
        scratch.clear()


def _make_trainer(
    plan: TrainingPlan, device: torch.device, precision: LightningPrecision, callbacks: list[Callback]
) -> Trainer:
    train = plan.train
    # its notes on loggers and devices are of no use to the reader of a stage's output
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return Trainer(
        accelerator=device.type,
        devices=train.devices,
        num_nodes=train.nodes,
        strategy=choose_strategy(train, device, releases=plan.unet.encoder_frozen_epochs != "all"),
        plugins=choose_environment(train),
        # on CPUs torch has none: there each process normalises its share by itself
        sync_batchnorm=device.type == "cuda" and train.processes > 1,
        precision=precision,
        max_epochs=train.epochs,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        deterministic=device.type == "cpu",
        callbacks=callbacks,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _train(trainer: Trainer, task: SegmentationTask) -> None:
    """Run the epochs that are left; what ends them early is told by the first process of each machine."""
    with warnings.catch_warnings():
        # of Lightning's own calls to torch, which nobody here can mend
        warnings.filterwarnings("ignore", message=r".*LeafSpec.* is deprecated")
        # torch 2.11 knows this name only
        warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")
        # frozen layers are, on purpose
        warnings.filterwarnings("ignore", message=r"Found \d+ module\(s\) in eval mode")
        # there are none, and it is not for them
        warnings.filterwarnings("ignore", message="find_unused_parameters=True was specified")
        try:
            trainer.fit(task)
        except (SystemExit, BreastsegError) as error:
            if trainer.local_rank != 0:
                raise SystemExit(1) from error
            if isinstance(error, BreastsegError):
                raise
            # Lightning's answer to Ctrl-C and SIGTERM; the latter's exit code would be 0
            raise BreastsegError(f"Interrupted. {_MEND}") from error
        except ValueError as error:
            if "Expected more than 1 value per channel" not in str(error):
                raise
            what = f"Batch normalisation cannot train on one value per channel ({error})"
            fix = "Set train.batch_size or train.image_size higher; a batch has no more images than the training set"
            raise BreastsegError(f"{what}. {fix}") from error
        except RuntimeError as error:
            if not is_loss_of_a_process(error):
                raise
            if not torch.distributed.is_initialized():
                mend = "Look at MASTER_ADDR and MASTER_PORT, and whether all were started"
                raise BreastsegError(f"The processes cannot meet at {meeting_place()} ({error}). {mend}") from error
            raise BreastsegError(f"Another process of this training has ended ({error}). {_MEND}") from error


def _write_outs(plan: TrainingPlan, network: SegmentationNetwork, recorder: Recorder) -> None:
    network.load_state_dict(recorder.best)
    checkpoint.save(network, plan.spec, plan.checkpoint)
    # written anew: another dvc may have removed what was shown on the way
    Curves(plan.curves, recorder.history).end()
