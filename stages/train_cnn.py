"""Trains the U-Net with a convolutional encoder."""

from __future__ import annotations

from functools import partial

from breastseg.models import cnn_unet
from breastseg.params.base import load
from breastseg.params.cnn_unet import CnnUnet
from breastseg.training.fit import fit
from breastseg.training.plan import plan_stage


def main() -> None:
    """Read the params, train, write `models/cnn_unet` and `plots/cnn_unet`."""
    params = load("cnn_unet", CnnUnet)
    fit(plan_stage("cnn_unet", params, partial(cnn_unet.build, params)))


if __name__ == "__main__":
    main()
