"""Writes the model card of the exported network."""

from __future__ import annotations

from pathlib import Path

from breastseg.params.base import load
from breastseg.params.data import Data
from breastseg.params.model import Model
from breastseg.params.split import Split
from breastseg.params.unet import Unet
from breastseg.reporting.model_card import CardInputs, write_model_card

if __name__ == "__main__":
    write_model_card(
        CardInputs(
            model=Path("models/release/model.onnx"),
            statistics=Path("metrics/statistics.json"),
            compute=Path("metrics/compute.json"),
            split_counts=Path("plots/split_counts.csv"),
            data=load("data", Data),
            split=load("split", Split),
            encoder_weights=load(load("model", Model).root, Unet).encoder_weights,
        ),
        Path("docs/model_card.md"),
    )
