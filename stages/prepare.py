"""Checks the raw images and gathers them in the prepared table."""

from __future__ import annotations

from pathlib import Path

from breastseg.data.listing import require_no_linked_folder
from breastseg.data.prepare import Outputs, prepare
from breastseg.params.base import load
from breastseg.params.data import Data
from breastseg.params.prepare import Prepare

if __name__ == "__main__":
    data = load("data", Data)
    require_no_linked_folder(data)
    prepare(
        data,
        load("prepare", Prepare),
        Outputs(
            table=Path("data/prepared/cases.parquet"),
            dropped=Path("data/prepared/dropped.csv"),
            near_pairs=Path("data/prepared/near_pairs.csv"),
            contradictions=Path("data/prepared/contradictions.csv"),
            sheet=Path("plots/near_pairs.png"),
        ),
    )
