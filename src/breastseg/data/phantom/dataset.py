"""Writes the phantom as a folder in BUSI's layout, on all cores, whole or not at all."""

from __future__ import annotations

import logging
import shutil
from functools import partial
from typing import TYPE_CHECKING

from tqdm import tqdm

from breastseg.data.parallel import ordered_map
from breastseg.data.phantom.plan import Plan, plan_images
from breastseg.data.phantom.scan import simulate
from breastseg.data.png import encode_png
from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from pathlib import Path

    from breastseg.params.phantom import Phantom

_log = logging.getLogger(__name__)


def write_phantom(params: Phantom, root: Path, workers: int | None = None) -> None:
    """Simulate the set and write it to `root`.

    Writes `root/<label>/<label> (k).png` (8-bit grey), with a mask a lesion (1 bit) beside it: `…_mask.png`,
    `…_mask_1.png`; a normal's mask is empty. The bytes depend on `params` alone, not on the number of workers.

    Args:
        params: The section `phantom`.
        root: Folder to be; its parents are made too.
        workers: Number of processes; as many as this process may use cores without it.

    Raises:
        ProblemsError: `root` exists.
    """
    if root.exists():
        mend = "Remove it, or choose another folder"
        raise ProblemsError("The phantom overwrites nothing", [Problem(root.as_posix(), "exists already", mend)])
    aside = root.with_name(f".{root.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)  # what a killed run left
    try:
        _write_all(params, aside, workers)
        aside.rename(root)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def leave_empty(root: Path, read: str) -> None:
    """Make the folder without simulating anything, for a run on other images.

    Args:
        root: The folder; its parents are made too.
        read: Where the images that are read stand, for people.
    """
    root.mkdir(parents=True)
    _log.info("No images are simulated: those of %s are read. %s stays empty", read, root.as_posix())


def _write_all(params: Phantom, root: Path, workers: int | None) -> None:
    plans = plan_images(params)
    for label in ("benign", "malignant", "normal"):
        (root / label).mkdir(parents=True)
    written = ordered_map(partial(_write_scan, params, root), plans, workers)
    for _ in tqdm(written, total=len(plans), desc="Simulating", unit="image"):
        pass


def _write_scan(params: Phantom, root: Path, plan: Plan) -> None:
    scan, folder = simulate(params, plan), root / plan.label
    (folder / f"{plan.stem}.png").write_bytes(encode_png(scan.image))
    for order, mask in enumerate(scan.masks):
        suffix = f"_{order}" if order else ""
        (folder / f"{plan.stem}_mask{suffix}.png").write_bytes(encode_png(mask))
