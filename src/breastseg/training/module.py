"""What Lightning's trainer drives: one step of training, one of validation, and the moving average of the weights."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

import torch
from lightning.pytorch import LightningModule
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from breastseg.training.augment import Augmenter
from breastseg.training.loss import lesion_dice, presence_loss, segmentation_loss
from breastseg.training.schedule import make_optimizer, make_schedule
from breastseg.training.seeds import derive, generator
from breastseg.training.tensors import Batches, CaseTensors

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

    from breastseg.models.network import Heads, SegmentationNetwork
    from breastseg.training.plan import TrainingPlan
    from breastseg.training.scratch import TrainingState

_log = logging.getLogger(__name__)

Batch = tuple[torch.Tensor, torch.Tensor]


class SegmentationTask(LightningModule):
    """Trains `network`; everything random in an epoch comes from (seed, epoch).

    Args:
        network: The network; it is trained in place.
        plan: The shared protocol, the encoder's learning rate, and the seed of the order of the cases, the augmentation
            and the network's own randomness.
        cases: Training and validation cases.
        resumed: What an earlier run left, or none. The trainer's own count of epochs starts at 0 again.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        plan: TrainingPlan,
        cases: tuple[CaseTensors, CaseTensors],
        resumed: TrainingState | None,
    ) -> None:
        super().__init__()
        train = plan.train
        self._format = torch.channels_last if train.channels_last else torch.contiguous_format
        self.network = network.to(memory_format=self._format)
        self.averaged = _average(network, train.ema_decay)
        self._plan, self._train, self._seed = plan, train, plan.seed
        self._cases, self._resumed = cases, resumed
        self._epochs_done = 0 if resumed is None else len(resumed.history)
        if resumed is not None:
            _log.info("Resuming after epoch %d of %d", self._epochs_done, train.epochs)
            self.load_state_dict(resumed.task)

    @property
    def epoch(self) -> int:
        """The epoch of the whole training, from 0."""
        return self._epochs_done + self.current_epoch

    @property
    def steps(self) -> int:
        """The steps of the whole training."""
        return self._train.epochs * len(self._train_batches(0))

    @property
    def steps_done(self) -> int:
        """The steps that an earlier run has done."""
        return self._epochs_done * len(self._train_batches(0))

    @property
    def epochs_left(self) -> int:
        """The epochs that no earlier run has finished."""
        return self._train.epochs - self._epochs_done

    @property
    def judged(self) -> SegmentationNetwork:
        """The network that is validated and kept: the moving average, where there is one."""
        return self.network if self.averaged is None else cast("SegmentationNetwork", self.averaged.module)

    def train_dataloader(self) -> Batches:
        """The training cases in this epoch's order."""
        return self._train_batches(self.epoch)

    def val_dataloader(self) -> Batches:
        """The validation cases in the order of the table."""
        cases = self._cases[1]
        return Batches(cases, torch.arange(len(cases)), self._train.batch_size, drop_last=False)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Make optimiser and schedule, and put them where an earlier run left them."""
        optimizer = make_optimizer(self.network, self._train, self._plan.encoder_learning_rate)
        schedule = make_schedule(optimizer, self.steps, self._train.warmup_share)
        if self._resumed is not None:
            optimizer.load_state_dict(self._resumed.optimizer)
            schedule.load_state_dict(self._resumed.schedule)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step", "frequency": 1}}

    def configure_gradient_clipping(self, *_: object, **__: object) -> None:
        """Clip by norm; Lightning itself refuses fused optimisers, for the sake of a gradient scaler not used here."""
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self._train.gradient_clip_norm)

    def on_train_epoch_start(self) -> None:
        """Start this epoch's random streams; dropout and the like draw from torch's global one."""
        torch.manual_seed(derive(self._seed, self.epoch, "network"))
        stream = generator(self._seed, self.epoch, "augment", self.device)
        self._augmenter = Augmenter(self._train.augment, stream)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment training batches on the device, in float32, outside of mixed precision."""
        del dataloader_idx
        images, targets = self._augmenter(*batch) if self.training else batch
        return images.contiguous(memory_format=self._format), targets

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Return the loss of a batch."""
        del batch_idx
        images, targets = batch
        loss = self._loss(self.network.heads(images), targets)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(images))
        return loss

    def on_train_batch_end(self, *_: object) -> None:
        """Move the average towards the weights that the step has set."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Record the loss of a batch, and the Dice of its images with a lesion."""
        del batch_idx
        images, targets = batch
        heads = self.judged.heads(images)
        self.log("val_loss", self._loss(heads, targets), batch_size=len(images))
        if len(dice := lesion_dice(heads.joined(), targets)):
            self.log("val_dice", dice.mean(), batch_size=len(dice))

    def _loss(self, heads: Heads, targets: torch.Tensor) -> torch.Tensor:
        pixels = segmentation_loss(heads.pixels, targets, self._train.dice_weight)
        return pixels + self._train.presence_weight * presence_loss(heads.presence, targets)

    def _train_batches(self, epoch: int) -> Batches:
        """Shuffle; an incomplete batch is left out for batch normalisation's sake, unless it is the only one."""
        cases = self._cases[0]
        order = torch.randperm(len(cases), generator=generator(self._seed, epoch, "order"))
        return Batches(cases, order, self._train.batch_size, drop_last=len(cases) >= self._train.batch_size)


def _average(network: SegmentationNetwork, decay: float) -> AveragedModel | None:
    if decay == 0:
        return None
    move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch is typed in part
    averaged = AveragedModel(network, multi_avg_fn=move, use_buffers=True)
    return averaged.requires_grad_(requires_grad=False)
