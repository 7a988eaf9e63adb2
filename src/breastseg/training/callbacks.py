"""What happens beside training: the progress bar, and after each epoch the history, the best weights and the state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NoReturn, cast

from lightning.pytorch import Callback

from breastseg.errors import BreastsegError
from breastseg.training.scratch import Scratch, TrainingState

if TYPE_CHECKING:
    import torch
    from lightning.pytorch import LightningModule, Trainer
    from tqdm import tqdm

    from breastseg.training.curves import Curves
    from breastseg.training.module import SegmentationTask

Row = dict[str, float]


class Recorder(Callback):
    """Keeps the history and the best weights, and saves both with the state after every epoch.

    The best epoch has the highest mean Dice over the validation images with a lesion; between equals the validation
    loss decides, in which images without a lesion count like all others.

    Args:
        scratch: Where the state is kept.
        curves: Where the history is shown.
        resumed: What an earlier run left, or none.

    Attributes:
        history: A row an epoch.
        best: Weights of the best epoch.
    """

    def __init__(self, scratch: Scratch, curves: Curves, resumed: TrainingState | None) -> None:
        self._scratch, self._curves = scratch, curves
        self.history: list[Row] = [] if resumed is None else resumed.history
        self.best: dict[str, torch.Tensor] = {} if resumed is None else resumed.best

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
        self._scratch.write(self._state(trainer, task))
        self._curves.add(row)

    def _state(self, trainer: Trainer, task: SegmentationTask) -> TrainingState:
        (optimizer,), (config,) = trainer.optimizers, trainer.lr_scheduler_configs
        schedule = config.scheduler.state_dict()
        return TrainingState(task.state_dict(), optimizer.state_dict(), schedule, self.history, self.best)


class ProgressBar(Callback):
    """Moves one bar over all epochs, so that its estimate is that of the whole training.

    Args:
        bar: An open bar that counts steps.
    """

    def __init__(self, bar: tqdm[NoReturn]) -> None:
        self._bar = bar

    def on_train_batch_end(self, *_: object) -> None:
        """Move the bar by a step."""
        self._bar.update()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the epoch's validation Dice."""
        epoch = cast("SegmentationTask", pl_module).epoch + 1
        self._bar.set_postfix_str(f"epoch {epoch}, val dice {_row(trainer)['val_dice']:.3f}", refresh=False)


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
