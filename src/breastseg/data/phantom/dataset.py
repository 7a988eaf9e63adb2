"""Writes the phantom as a folder in BUSI's layout, on all cores, whole or not at all."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from breastseg.data.phantom.plan import Plan, plan_images
from breastseg.data.phantom.scan import simulate
from breastseg.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from breastseg.params.phantom import Phantom

_CHUNK = 4  # images a message to a worker


def write_phantom(params: Phantom, root: Path, workers: int | None = None) -> None:
    """Simulate the set and write it to `root`.

    Writes `root/<label>/<label> (k).png` (8-bit grey) with the masks `…_mask.png`, `…_mask_1.png` (8-bit, 0 and 255).
    The bytes depend on `params` alone, not on the number of workers.

    Args:
        params: The section `phantom`.
        root: Folder to make; its parents are made too.
        workers: Number of processes; as many as the process may use cores, if not given.

    Raises:
        ProblemsError: `root` exists.
    """
    if root.exists():
        mend = "Remove it, or choose another folder"
        raise ProblemsError("The phantom overwrites nothing", [Problem(str(root), "exists already", mend)])
    root.parent.mkdir(parents=True, exist_ok=True)
    # beside its final place: a rename cannot cross file systems
    with TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as aside:
        partly = Path(aside) / root.name
        _write_all(params, partly, workers or _cores())
        partly.rename(root)


def _write_all(params: Phantom, root: Path, workers: int) -> None:
    plans = plan_images(params)
    for label in ("benign", "malignant", "normal"):
        (root / label).mkdir(parents=True)
    context = multiprocessing.get_context("spawn")  # the same on every platform, and safe beside threads
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        written = pool.map(partial(_write_image, params, root), plans, chunksize=_CHUNK)
        for _ in tqdm(written, total=len(plans), desc="phantom", unit="image"):
            pass


def _write_image(params: Phantom, root: Path, plan: Plan) -> None:
    scan, folder = simulate(params, plan), root / plan.label
    Image.fromarray(scan.image).save(folder / f"{plan.stem}.png")
    for order, mask in enumerate(scan.masks):
        suffix = f"_{order}" if order else ""
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{plan.stem}_mask{suffix}.png")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
