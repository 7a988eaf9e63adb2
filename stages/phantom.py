"""Simulates the embedded data set, so that the pipeline runs without a download."""

from __future__ import annotations

from pathlib import Path

from breastseg.data.phantom.dataset import leave_empty, write_phantom
from breastseg.params.base import load
from breastseg.params.data import PHANTOM, Data
from breastseg.params.phantom import Phantom

if __name__ == "__main__":
    data = load("data", Data)
    if data.reads_phantom:
        write_phantom(load("phantom", Phantom), Path(PHANTOM))
    else:
        leave_empty(Path(PHANTOM), ", ".join(source.root.as_posix() for source in data.sources))
