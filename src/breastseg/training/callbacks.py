"""What happens beside training: after each epoch the history, the best weights and the state; the progress bar."""

from __future__ import annotations

import math
import signal
from typing import TYPE_CHECKING, Any, NoReturn, cast

import torch
from lightning.pytorch import Callback
from tqdm import tqdm

from breastseg.errors import BreastsegError
from breastseg.training.curves import Curves
from breastseg.training.scratch import Scratch, TrainingState

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from lightning.pytorch import LightningModule, Trainer

    from breastseg.training.module import SegmentationTask

Row = dict[str, float]


class Recorder(Callback):
    """Keeps the history and the best weights in every process alike; the first saves both after every epoch.

    The best epoch has the highest mean Dice over the validation images with a lesion; between equals the validation
    loss decides, in which images without a lesion count like all others.

    Args:
        scratch: Where the state is kept.
        curves: Folder in which the history is shown.

    Attributes:
        history: A row an epoch.
        best: Weights of the best epoch.
    """

    def __init__(self, scratch: Scratch, curves: Path) -> None:
        self._scratch, self._folder = scratch, curves
        self.history: list[Row] = []
        self.best: dict[str, torch.Tensor] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take over what an earlier run left."""
        if (resumed := cast("SegmentationTask", pl_module).resumed) is not None:
            self.history, self.best = list(resumed.history), resumed.best
        if trainer.is_global_zero:
            self._curves = Curves(self._folder, self.history)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the epoch; its validation has run by now.

        Raises:
            BreastsegError: The training has diverged.
        """
        task = cast("SegmentationTask", pl_module)
        row = _row(trainer)
        _check_finite(row, task.epoch)
        if all(_rank(row) > _rank(earlier) for earlier in self.history):
            self.best = {name: value.detach().cpu().clone() for name, value in task.judged.state_dict().items()}
        self.history.append(row)
        if trainer.is_global_zero:
            self._scratch.write(self._state(trainer, task))
            self._curves.add(row)

    def _state(self, trainer: Trainer, task: SegmentationTask) -> TrainingState:
        (optimizer,), (config,) = trainer.optimizers, trainer.lr_scheduler_configs
        schedule = config.scheduler.state_dict()
        return TrainingState(task.state_dict(), optimizer.state_dict(), schedule, self.history, self.best)


class ProgressBar(Callback):
    """Moves one bar over all epochs, so that its estimate is that of the whole training.

    Args:
        name: What stands before the bar.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: tqdm[NoReturn] = tqdm(disable=True)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar, in the first process only."""
        task = cast("SegmentationTask", pl_module)
        done = task.epochs_done * task.epoch_steps
        self._bar = tqdm(
            desc=self._name,
            initial=done,
            total=task.steps,
            unit="step",
            mininterval=1,
            disable=not trainer.is_global_zero,
        )

    def on_train_batch_end(self, *_: object) -> None:
        """Move the bar by a step."""
        self._bar.update()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the epoch's validation Dice."""
        epoch = cast("SegmentationTask", pl_module).epoch + 1
        self._bar.set_postfix_str(f"epoch {epoch}, val dice {_row(trainer)['val_dice']:.3f}", refresh=False)

    def on_train_end(self, *_: object) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def on_exception(self, *_: object) -> None:
        """As at the end."""
        self._bar.close()


class SameTraining(Callback):
    """Has processes that train together compare what they train: each machine has a copy of the repository of its own.

    Args:
        facts: What has to be alike, by name; of types that JSON knows.
    """

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Compare, in all processes alike, once they have met.

        Raises:
            BreastsegError: A machine's facts are others than those of the first.
        """
        del pl_module, stage
        if trainer.world_size == 1:
            return
        gathered: list[dict[str, Any]] = [{}] * trainer.world_size
        torch.distributed.all_gather_object(gathered, self._facts)
        for rank, facts in enumerate(gathered):
            if names := [name for name, fact in facts.items() if fact != gathered[0][name]]:
                machine = rank // trainer.num_devices + 1
                mend = "Start all from the same commit, with the same params.yaml and data"
                raise BreastsegError(f"Machine {machine} has another {', '.join(names)} than the first. {mend}")


class EndTogether(Callback):
    """Has SIGTERM end processes that train together as Ctrl-C does.

    Lightning's own answer talks to the other processes from within the signal's handler, in the midst of what they
    exchange already. It is in place when training starts, and is put back by Lightning.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signal over, where there are several processes."""
        del pl_module
        if trainer.world_size > 1:
            signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


def _row(trainer: Trainer) -> Row:
    (config,) = trainer.lr_scheduler_configs
    row = {name: float(trainer.callback_metrics[name]) for name in ("train_loss", "val_loss", "val_dice")}
    # the last group is the decoder's; its rate after the epoch's last step
    return {**row, "learning_rate": float(config.scheduler.get_last_lr()[-1])}


def _rank(row: Row) -> tuple[float, float]:
    return row["val_dice"], -row["val_loss"]


def _check_finite(row: Row, epoch: int) -> None:
    if not math.isfinite(row["train_loss"]):
        raise BreastsegError(
            f"The training loss of epoch {epoch} is {row['train_loss']}. Lower encoder_learning_rate of the network and"
            " train.decoder_learning_rate, or set train.precision to float32"
        )
