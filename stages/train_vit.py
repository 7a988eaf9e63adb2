"""Trains the U-Net with a vision-transformer encoder."""

from __future__ import annotations

from functools import partial

from breastseg.models import vit_unet
from breastseg.params.base import load
from breastseg.params.vit_unet import VitUnet
from breastseg.training.fit import fit
from breastseg.training.plan import plan_stage


def main() -> None:
    """Read the params, train, write `models/vit_unet` and `plots/vit_unet`."""
    params = load("vit_unet", VitUnet)
    fit(plan_stage("vit_unet", params, partial(vit_unet.build, params)))


if __name__ == "__main__":
    main()
