"""What Lightning's trainer drives: one step of training, one of validation, and the moving average of the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from lightning.pytorch import LightningModule
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from breastseg.training.augment import Augmenter
from breastseg.training.loss import lesion_dice, presence_loss, segmentation_loss
from breastseg.training.order import epoch_order
from breastseg.training.schedule import make_optimizer, make_schedule
from breastseg.training.seeds import derive, generator
from breastseg.training.tensors import Batch, Batches, CaseTensors

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

    from breastseg.models.network import Prediction, SegmentationNetwork
    from breastseg.training.plan import TrainingPlan
    from breastseg.training.scratch import TrainingState


class SegmentationTask(LightningModule):
    """Trains `network`; everything random in an epoch comes from (seed, epoch, process).

    Of several processes each has its share of every batch: the gradients' mean over them is that of the whole batch.

    Args:
        network: The network; it is trained in place.
        plan: The shared protocol, how the encoder is trained, and the seed of the order of the cases, the augmentation
            and the network's own randomness.
        cases: Training and validation cases.
        resumed: What an earlier run left, or none. The trainer's own count of epochs starts at 0 again. Of several
            processes the first has it; the others get it from there.
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
        if plan.unet.encoder_frozen_epochs == "all":
            # before the optimiser and the exchange of gradients are made, which leave frozen weights out
            self.network.freeze_encoder(plan.unet.encoder_frozen_layers)
        self._plan, self._train, self._seed = plan, train, plan.seed
        self._cases, self.resumed = cases, resumed

    @property
    def epoch(self) -> int:
        """The epoch of the whole training, from 0."""
        return self.epochs_done + self.current_epoch

    @property
    def epochs_done(self) -> int:
        """The epochs that an earlier run has finished."""
        return 0 if self.resumed is None else len(self.resumed.history)

    @property
    def epoch_steps(self) -> int:
        """The steps of an epoch."""
        return len(self._train_batches(0))

    @property
    def steps(self) -> int:
        """The steps of the whole training."""
        return self._train.epochs * self.epoch_steps

    @property
    def judged(self) -> SegmentationNetwork:
        """The network that is validated and kept: the moving average, where there is one."""
        return self.network if self.averaged is None else cast("SegmentationNetwork", self.averaged.module)

    def setup(self, stage: str) -> None:
        """Go on where an earlier run was, in all processes alike."""
        del stage
        self.resumed = self.trainer.strategy.broadcast(self.resumed)
        if self.resumed is not None:
            self.load_state_dict(self.resumed.task)
        self.trainer.fit_loop.max_epochs = self._train.epochs - self.epochs_done

    def train_dataloader(self) -> Batches:
        """This process's share of the training cases, in this epoch's order."""
        return self._train_batches(self.epoch)

    def val_dataloader(self) -> Batches:
        """This process's share of the validation cases, each in one share only, in the order of the table."""
        cases = self._cases[1]
        return self._share(cases, torch.arange(len(cases)))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Make optimiser and schedule, and put them where an earlier run left them."""
        optimizer = make_optimizer(self.network, self._train, self._plan.unet)
        schedule = make_schedule(optimizer, self.steps, self._train.warmup_share)
        if self.resumed is not None:
            optimizer.load_state_dict(self.resumed.optimizer)
            schedule.load_state_dict(self.resumed.schedule)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step", "frequency": 1}}

    def configure_gradient_clipping(self, *_: object, **__: object) -> None:
        """Clip by norm; Lightning itself refuses fused optimisers, for the sake of a gradient scaler not used here."""
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self._train.gradient_clip_norm)

    def on_train_epoch_start(self) -> None:
        """Start this epoch's random streams, and release the encoder when its time has come.

        Dropout and the like draw from torch's global stream.
        """
        unet = self._plan.unet
        if unet.encoder_frozen_epochs != "all":
            is_frozen = self.epoch < unet.encoder_frozen_epochs
            self.network.freeze_encoder(unet.encoder_frozen_layers if is_frozen else 0)
        torch.manual_seed(derive(self._seed, self.epoch, "network", self.global_rank))
        stream = generator(self._seed, self.epoch, "augment", self.global_rank, self.device)
        self._augmenter = Augmenter(self._train.augment, stream)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment training batches on the device, in float32, outside of mixed precision."""
        del dataloader_idx
        images, targets, weights = batch
        if self.training:
            images, targets = self._augmenter(images, targets)
        return images.contiguous(memory_format=self._format), targets, weights

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Return the loss of a batch."""
        del batch_idx
        loss = self._loss(self.network(batch[0]), batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch[0]), sync_dist=True)
        return loss

    def on_train_batch_end(self, *_: object) -> None:
        """Move the average towards the weights that the step has set."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)

    def on_validation_start(self) -> None:
        """Give all processes the mean of what each has counted of its own shares, such as running means."""
        if self.trainer.world_size > 1:
            for buffer in self.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(self.trainer.strategy.reduce(buffer, reduce_op="mean"))

    def on_validation_epoch_start(self) -> None:
        """Start to add up."""
        self._sums = torch.zeros(4, device=self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add up the losses of a batch's images, and the Dice of those with a lesion."""
        del batch_idx
        images, targets, _ = batch
        predicted = self.judged(images)
        dice = lesion_dice(predicted.pixels, targets)
        counts = torch.tensor([len(images), len(dice)], device=self.device)
        self._sums += torch.stack([len(images) * self._loss(predicted, batch), dice.sum(), *counts])

    def on_validation_epoch_end(self) -> None:
        """Record the means over the images of all processes."""
        loss, dice, images, lesions = self.trainer.strategy.reduce(self._sums, reduce_op="sum")
        # every process has the same by now; without the flag Lightning warns that they might differ
        self.log("val_loss", loss / images, sync_dist=True)
        self.log("val_dice", dice / lesions, sync_dist=True)

    def _loss(self, predicted: Prediction, batch: Batch) -> torch.Tensor:
        _, targets, weights = batch
        pixels = segmentation_loss(predicted.pixels, targets, self._train.dice_weight)
        return pixels + self._train.presence_weight * presence_loss(predicted.presence, targets, weights)

    def _train_batches(self, epoch: int) -> Batches:
        """Shuffle; an incomplete batch is left out for batch normalisation's sake, unless it is the only one."""
        cases = self._cases[0]
        order = epoch_order(cases.sets, self._train.set_weights, generator(self._seed, epoch, "order"))
        full = len(cases) // self._train.batch_size * self._train.batch_size
        return self._share(cases, order[:full] if full else order)

    def _share(self, cases: CaseTensors, order: torch.Tensor) -> Batches:
        """Deal the cases out: each process has its share of every batch of the whole, and no case twice."""
        train = self._train
        return Batches(cases, order[self.global_rank :: train.processes], train.batch_size // train.processes)


def _average(network: SegmentationNetwork, decay: float) -> AveragedModel | None:
    if decay == 0:
        return None
    move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch is typed in part
    averaged = AveragedModel(network, multi_avg_fn=move, use_buffers=True)
    return averaged.requires_grad_(requires_grad=False)
