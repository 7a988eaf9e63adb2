"""The section `vit_unet`: a U-Net decoder on a vision-transformer encoder."""

from __future__ import annotations

from breastseg.params.unet import Unet


class VitUnet(Unet):
    """Knobs of `vit_unet`; see `Unet` for the shared ones."""
