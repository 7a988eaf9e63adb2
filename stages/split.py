"""Assigns every case to a fold and to a subset."""

from __future__ import annotations

from pathlib import Path

from breastseg.data.large_groups import warn_of_large_groups
from breastseg.data.split import count_table, make_split, write_counts
from breastseg.data.split_table import write_split
from breastseg.data.table import read_rows
from breastseg.params.base import load
from breastseg.params.split import Split

if __name__ == "__main__":
    params = load("split", Split)
    rows = read_rows(Path("data/prepared/cases.parquet"))
    places = make_split(rows, params)
    if params.grouped:
        warn_of_large_groups(places, params.folds, Path("data/prepared/near_pairs.csv"))
    write_split(places, Path("data/splits.csv"))
    write_counts(count_table(rows, places), Path("plots/split_counts.csv"))
