"""How fast `breastseg predict` goes through very many images, and how much memory it holds meanwhile.

Usage: python -m benchmarks.many_images MODEL.onnx IMAGES… [--count 20000] [--engine ray] [--json RECORD.json]

The images are made from the named ones, such as the phantom's: each is shifted sideways and brightened or darkened by
another amount, so that no two files have the same bytes, at a small part of the phantom's cost. They are of the same
size and take the model as much time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import psutil
import typer

from breastseg.data.parallel import ordered_map
from breastseg.data.png import encode_png
from breastseg.inference.cpus import usable_cpus
from breastseg.inference.decode import decode_image
from breastseg.inference.processor import processor_name

if TYPE_CHECKING:
    from collections.abc import Iterable

PARTS = 10
SAMPLE_SECONDS = 1.0
MIB = 2**20
GREY_LEVELS = 256


@dataclass(frozen=True)
class Sample:
    """Resident memory at a moment: of the command alone, and with all its processes, in MiB."""

    seconds: float
    command_mib: float
    all_mib: float


@dataclass(frozen=True)
class Record:
    """What was measured, and on what; the memory is the most in each tenth of the time."""

    images: int
    engine: str
    processor: str
    cpus: int
    seconds: float
    images_a_second: float
    cpu_seconds_an_image: float
    input_bytes_an_image: float
    mask_bytes_an_image: float
    line_bytes_an_image: float
    command_mib: list[float]
    all_mib: list[float]


def main(
    model: Annotated[Path, typer.Argument(help="The ONNX file")],
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them, to make others from")],
    count: Annotated[int, typer.Option(help="Number of images")] = 20_000,
    engine: Annotated[str, typer.Option(help="local or ray")] = "local",
    record: Annotated[Path | None, typer.Option("--json", help="File for the record")] = None,
) -> None:
    """Make images, segment them, print a table."""
    with tempfile.TemporaryDirectory() as folder:
        made, out = Path(folder) / "images", Path(folder) / "out"
        _make(images, made, count)
        found = _measure(model, made, out, engine, count)
    typer.echo(_table(found))
    if record:
        record.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")


def _make(sources: list[Path], folder: Path, count: int) -> None:
    files = sorted(file for source in sources for file in (source.glob("*.png") if source.is_dir() else [source]))
    files = [file for file in files if "_mask" not in file.stem]
    for start in range(0, count, 1000):
        (folder / f"{start // 1000:04}").mkdir(parents=True)
    jobs = [(files[number % len(files)], folder, number) for number in range(count)]
    for _ in ordered_map(_vary, jobs, engine="local"):
        pass


def _vary(job: tuple[Path, Path, int]) -> None:
    source, folder, number = job
    image = decode_image(source.read_bytes())
    gain = 0.8 + 0.4 * np.random.default_rng(number).random()
    changed = np.clip(np.roll(image, number % image.shape[1], axis=1) * gain, 0, GREY_LEVELS - 1).astype(np.uint8)
    (folder / f"{number // 1000:04}" / f"{number:07}.png").write_bytes(encode_png(changed))


def _measure(model: Path, images: Path, out: Path, engine: str, count: int) -> Record:
    command = [sys.executable, "-m", "breastseg.cli", "predict", str(images), "--model", str(model), "--out", str(out)]
    started = time.monotonic()
    with psutil.Popen([*command, "--engine", engine], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        samples, cpu_seconds = _watch(process, started)
    seconds = time.monotonic() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    tenths = _tenths(samples)
    return Record(
        images=count,
        engine=engine,
        processor=processor_name(),
        cpus=usable_cpus(),
        seconds=round(seconds, 1),
        images_a_second=round(count / seconds, 1),
        cpu_seconds_an_image=round(cpu_seconds / count, 5),
        input_bytes_an_image=_bytes(images.rglob("*.png"), count),
        mask_bytes_an_image=_bytes(out.rglob("*.png"), count),
        line_bytes_an_image=_bytes(out.glob("*.jsonl"), count),
        command_mib=[round(float(tenth[:, 0].max()), 1) for tenth in tenths],
        all_mib=[round(float(tenth[:, 1].max()), 1) for tenth in tenths],
    )


def _tenths(samples: list[Sample]) -> list[np.ndarray]:
    """Part the samples into tenths of the time, each an array [samples, 2]: of the command, and of all processes."""
    if len(samples) < PARTS:
        raise SystemExit(f"The run ended before its memory was looked at {PARTS} times. Name a larger --count")
    return np.array_split(np.array([(sample.command_mib, sample.all_mib) for sample in samples]), PARTS)


def _watch(process: psutil.Popen, started: float) -> tuple[list[Sample], float]:
    """Sample the memory of the command and all its processes until it ends; return the processor time of all too."""
    samples, cpu_seconds = [], {}
    while process.poll() is None:
        resident = []
        for one in _family(process):
            try:
                used = one.cpu_times()
                resident.append(one.memory_info().rss / MIB)
            except psutil.NoSuchProcess:
                continue
            cpu_seconds[one.pid] = used.user + used.system
        if resident:
            samples.append(Sample(time.monotonic() - started, resident[0], sum(resident)))
        time.sleep(SAMPLE_SECONDS)
    return samples, sum(cpu_seconds.values())


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _bytes(files: Iterable[Path], count: int) -> float:
    return round(sum(file.stat().st_size for file in files) / count, 1)


def _table(found: Record) -> str:
    speed = f"{found.images_a_second} images/s, {1e3 * found.cpu_seconds_an_image:.1f} ms of processor time an image"
    sizes = (found.input_bytes_an_image, found.mask_bytes_an_image, found.line_bytes_an_image)
    lines = [
        f"{found.images} images, engine {found.engine}, {found.cpus} CPUs ({found.processor})",
        f"{found.seconds} s, {speed}",
        "bytes an image: {:.0f}, mask {:.0f}, line {:.0f}".format(*sizes),
        "",
        f"{'tenth of the time':<20}" + "".join(f"{number:>7}" for number in range(1, PARTS + 1)),
        f"{'command, MiB':<20}" + "".join(f"{mib:>7.0f}" for mib in found.command_mib),
        f"{'all processes, MiB':<20}" + "".join(f"{mib:>7.0f}" for mib in found.all_mib),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    typer.run(main)
