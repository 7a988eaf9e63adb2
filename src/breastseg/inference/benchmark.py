"""Measures how long one image takes on this machine; never part of a stage, since times are no property of a model."""

from __future__ import annotations

import io
import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from PIL import Image
from tqdm import tqdm

from breastseg.errors import BreastsegError
from breastseg.files import replacing
from breastseg.inference.cpus import usable_cpus
from breastseg.inference.decode import decode_image
from breastseg.inference.processor import processor_name
from breastseg.inference.segmenter import Segmenter
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from breastseg.inference.contract import Contract

# about what scanners export
HEIGHT_PX, WIDTH_PX = 480, 640
# the first runs allocate memory and choose kernels
_WARM_UP = 5


@dataclass(frozen=True)
class Timing:
    """Milliseconds an image.

    Attributes:
        median_ms: Half of the images take at most so long.
        p95_ms: 19 of 20 images take at most so long.
    """

    median_ms: float
    p95_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        """Summarise the times of single images, to a hundredth of a millisecond."""
        median, p95 = np.percentile(1000 * np.asarray(seconds), [50, 95])
        return cls(round(float(median), 2), round(float(p95), 2))


@dataclass(frozen=True)
class Benchmark:
    """What was measured, and on what.

    Attributes:
        model: Network and encoder.
        version: The model's version.
        model_bytes: Size of the ONNX file.
        image_size_px: Side of the network's square.
        native_size_px: Height and width of the images that were segmented.
        images: Number of images, one after the other.
        threads: Threads that one image is computed with.
        processor: The machine.
        decode: PNG bytes to pixels.
        segment: Pixels to mask and lesions: letterbox, network, way back, lesions.
        total: Both, one image after the other.
    """

    model: str
    version: str
    model_bytes: int
    image_size_px: int
    native_size_px: tuple[int, int]
    images: int
    threads: int
    processor: str
    decode: Timing
    segment: Timing
    total: Timing


def benchmark(model: Path, images: int, threads: int | None = None) -> Benchmark:
    """Time an exported model on simulated images, after a few that do not count.

    Args:
        model: The ONNX file.
        images: Number of images, at least 1.
        threads: Threads that one image is computed with; by default the CPUs that the process may use.

    Raises:
        ModelFileError: See `Segmenter.load`.
        ContractError: See `Segmenter.load`.
    """
    threads = threads or usable_cpus()
    segmenter = Segmenter.load(model, threads)
    contract = segmenter.contract
    indices = tqdm(range(images + _WARM_UP), desc="benchmark", unit="image", disable=None)
    decoding, segmenting = np.array([_time(segmenter, _png(contract, index)) for index in indices])[_WARM_UP:].T
    return Benchmark(
        model=contract.model_name,
        version=contract.model_version,
        model_bytes=model.stat().st_size,
        image_size_px=contract.image_size,
        native_size_px=(HEIGHT_PX, WIDTH_PX),
        images=images,
        threads=threads,
        processor=processor_name(),
        decode=Timing.of(decoding),
        segment=Timing.of(segmenting),
        total=Timing.of(decoding + segmenting),
    )


def format_benchmark(found: Benchmark) -> str:
    """Lay a benchmark out for a terminal."""
    height, width = found.native_size_px
    timings = {"decode": found.decode, "segment": found.segment, "decode and segment": found.total}
    return "\n".join(
        [
            f"{found.model} {found.version}, {found.model_bytes / 1e6:.1f} MB, {found.image_size_px} px",
            f"{found.processor}; threads: {found.threads}",
            f"{counted(found.images, 'image')} of {width} x {height} px, one after the other",
            "",
            f"{'ms an image':<20}{'median':>10}{'p95':>10}",
            *(f"{name:<20}{timing.median_ms:>10.2f}{timing.p95_ms:>10.2f}" for name, timing in timings.items()),
        ]
    )


def write_benchmark(found: Benchmark, path: Path) -> None:
    """Write the record as JSON; the file appears only once it is complete.

    Raises:
        BreastsegError: The file cannot be written.
    """
    try:
        with replacing(path) as partial:
            partial.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise BreastsegError(f"Cannot write {path} ({error}). Name with --json a file that can be") from error


def _time(segmenter: Segmenter, png: bytes) -> tuple[float, float]:
    """Seconds of decoding and of segmenting."""
    started = time.perf_counter()
    image = decode_image(png)
    decoded = time.perf_counter()
    segmenter.segment(image)
    return decoded - started, time.perf_counter() - decoded


def _png(contract: Contract, index: int) -> bytes:
    """A dark ellipse in speckle, PNG; grey or RGB as the model takes it."""
    rng = np.random.default_rng(index)
    rows, columns = np.ogrid[:HEIGHT_PX, :WIDTH_PX]
    inside = ((rows - HEIGHT_PX / 2) / 80) ** 2 + ((columns - WIDTH_PX * rng.uniform(0.3, 0.7)) / 120) ** 2 < 1
    speckle = np.where(inside, 25, 100) * rng.rayleigh(0.8, inside.shape)
    image = Image.fromarray(speckle.clip(0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.convert("L" if contract.channels == 1 else "RGB").save(file, "PNG")
    return file.getvalue()
