"""The section `cnn_unet`: a U-Net with a convolutional encoder."""

from __future__ import annotations

from breastseg.params.unet import Unet


class CnnUnet(Unet):
    """Knobs of `cnn_unet`; see `Unet` for the shared ones."""
