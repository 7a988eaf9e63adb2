"""What the search for near-duplicates costs and finds among very many images.

Usage: python -m benchmarks.near_duplicates [number of images, 20000 by default]
"""

from __future__ import annotations

import logging
import resource
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from breastseg.data.duplicates import find_duplicates
from breastseg.data.fingerprint import SIDE, fingerprint

if TYPE_CHECKING:
    import numpy.typing as npt

    from breastseg.data.fingerprint import Fingerprints

_log = logging.getLogger("near_duplicates")

LIMIT = 0.8
SIDE_PX, CROP_PX = 48, 43
CROPS_AN_ORIGINAL = 0.25
_FREQUENCIES = np.arange(12)
_COSINES = np.cos(np.pi * np.outer(2 * np.arange(SIDE_PX) + 1, _FREQUENCIES) / (2 * SIDE_PX))
_AMPLITUDES = np.maximum(np.hypot(*np.meshgrid(_FREQUENCIES, _FREQUENCIES)), 0.7) ** -1.2
# what ultrasound images have in common: bright above, dark below
_COMMON = np.linspace(1.5, -1.5, SIDE_PX)[:, None]


def _picture(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A random picture with the falling spectrum of pictures: uint8 `[48, 48]`."""
    drawn = _COSINES @ (rng.normal(size=_AMPLITUDES.shape) * _AMPLITUDES) @ _COSINES.T
    return np.clip(128 + 35 * (drawn + _COMMON), 0, 255).astype(np.uint8)


def _crop(picture: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    top, left = rng.integers(0, SIDE_PX - CROP_PX + 1, 2)
    return picture[top : top + CROP_PX, left : left + CROP_PX].copy()


def _make(count: int) -> tuple[Fingerprints, int]:
    """Make fingerprints of originals and, behind them, of a crop of each of the first ones: how many originals."""
    rng = np.random.default_rng(0)
    originals = round(count / (1 + CROPS_AN_ORIGINAL))
    made = np.empty((count, SIDE, SIDE), dtype=np.uint8)
    for place in range(originals):
        picture = _picture(rng)
        made[place] = fingerprint(picture)
        if originals + place < count:
            made[originals + place] = fingerprint(_crop(picture, rng))
    return made, originals


def _peak_mib() -> float:
    # kilobytes on Linux, bytes on macOS
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def main(count: int) -> None:
    """Make pictures, search, and log seconds, peak memory and what was found."""
    made, originals = _make(count)
    before, start, cpu_start = _peak_mib(), time.perf_counter(), time.process_time()
    groups = find_duplicates([f"{place:07}" for place in range(count)], [None] * count, made, LIMIT).groups
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    joined = sum(group == groups[source] for source, group in enumerate(groups[originals:]))
    _log.info("%d images: %.0f s (%.0f s of processor time)", count, seconds, cpu_seconds)
    _log.info("peak memory %.0f MiB, of which %.0f MiB before the search", _peak_mib(), before)
    _log.info("crops that joined their source: %.2f %%", 100 * joined / (count - originals))
    _log.info("originals that joined another original: %d", originals - len(set(groups[:originals])))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(int(sys.argv[1]) if sys.argv[1:] else 20_000)
