"""The section `cnn_unet`: a U-Net with a convolutional encoder."""

from __future__ import annotations

from breastseg.params.unet import Unet


class CnnUnet(Unet):
    """Knobs of `cnn_unet`; see `Unet` for the shared ones."""

    @property
    def trains_batch_norm(self) -> bool:
        """As for every network; besides, the encoder has it, unless it is frozen."""
        return super().trains_batch_norm or not self.stays_frozen
