"""Simulates the embedded data set, so that the pipeline runs without a download."""

from __future__ import annotations

from pathlib import Path

from breastseg.data.phantom.dataset import write_phantom
from breastseg.params.base import load
from breastseg.params.phantom import Phantom

if __name__ == "__main__":
    write_phantom(load("phantom", Phantom), Path("data/raw/phantom"))
