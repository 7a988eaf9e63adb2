"""Load test of the service: many clients, every answer compared with the offline mask, health and memory watched.

Usage: python -m benchmarks.serving.load MODEL.onnx IMAGES… [--clients 64] [--seconds 60] [--hostile 20]

Starts the service itself, on loopback, and exits with 1 if an answer was lost or wrong; a refusal (503) is lost too.
With `--hostile`, files of 19.5 MB that are made to keep a decoder busy come in between, and must be refused.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import psutil
import typer

from benchmarks.serving.client import OK, Answer, Connection, closed_loop, get_request, upload_request
from benchmarks.serving.process import free_port, running
from breastseg.inference.decode import decode_image
from breastseg.inference.mask_png import encode_mask
from breastseg.inference.segmenter import Segmenter
from tests.hostile_files import floods

if TYPE_CHECKING:
    from collections.abc import Sequence

HEALTH_EVERY_SECONDS = 0.05
MEMORY_EVERY_SECONDS = 0.5
SETTLED_SECONDS = 10
HOSTILE_BYTES = 19_500_000


@dataclass(frozen=True)
class Load:
    """What was seen of the service under load.

    Attributes:
        answers: One a request.
        lost: Answers other than 200, broken connections too.
        wrong: Masks that differ from the offline one.
        seconds: How long it took until the last answer.
        health: Seconds that each health answer took.
        memory: Seconds since the beginning, and bytes that the service held then.
        own_share: Share of the machine's processors that this load generator took.
        hostile: Answers to hostile files.
    """

    answers: list[Answer]
    lost: int
    wrong: int
    seconds: float
    health: list[float]
    memory: list[tuple[float, int]]
    own_share: float
    hostile: list[Answer]

    def lines(self) -> list[str]:
        """Return the report, a fact a line."""
        taken = 1e3 * np.array([answer.seconds for answer in self.answers])
        p50, p95, p99 = np.percentile(taken, [50, 95, 99])
        health50, health99 = np.percentile(1e3 * np.array(self.health), [50, 99])
        settled = [held for at, held in self.memory if at >= SETTLED_SECONDS] or [self.memory[-1][1]]
        first, last, most = (size / 1e6 for size in (settled[0], settled[-1], max(held for _, held in self.memory)))
        return [
            f"requests    {len(self.answers)} in {self.seconds:.1f} s: {len(self.answers) / self.seconds:.1f} a second",
            f"lost        {self.lost}",
            f"wrong masks {self.wrong}",
            f"latency     p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms",
            f"health      p50 {health50:.1f} ms, p99 {health99:.1f} ms, {len(self.health)} asked",
            f"memory      {first:.0f} MB after {SETTLED_SECONDS} s, {last:.0f} MB at the end, {most:.0f} MB at most",
            f"generator   {100 * self.own_share:.1f} % of the processors",
            *self._hostile_line(),
        ]

    def _hostile_line(self) -> list[str]:
        if not self.hostile:
            return []
        statuses = Counter(answer.status for answer in self.hostile)
        counts = ", ".join(f"{count} times {status}" for status, count in sorted(statuses.items()))
        return [f"hostile     {counts}; {max(answer.seconds for answer in self.hostile):.1f} s at most"]


def offline_mask(segmenter: Segmenter, image: bytes) -> bytes:
    """Return the mask as `breastseg predict` writes it."""
    return encode_mask(segmenter.segment(decode_image(image)).mask)


def load(model: Path, images: Sequence[bytes], clients: int, seconds: float, hostile: int = 0) -> Load:
    """Start the service on the model and put it under load, with so many hostile files in between."""
    segmenter = Segmenter.load(model)
    expected = [offline_mask(segmenter, image) for image in images]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "breastseg.cli", "serve", "--model", str(model), "--port", str(port)]
    with running(command, url, "/health/ready") as process:
        requests = [upload_request("/v1/segment", image, accept="image/png") for image in images]
        files = itertools.islice(itertools.cycle(floods(HOSTILE_BYTES)), hostile)
        attacks = [upload_request("/v1/segment", file) for _, file in files]
        server = psutil.Process(process.pid)
        return asyncio.run(_measure(url, requests, attacks, expected, server, clients, seconds))


async def _measure(  # noqa: PLR0913, PLR0917 - one call
    url: str,
    requests: Sequence[bytes],
    attacks: Sequence[bytes],
    expected: Sequence[bytes],
    server: psutil.Process,
    clients: int,
    seconds: float,
) -> Load:
    health, memory = asyncio.create_task(_health(url)), asyncio.create_task(_memory(server))
    started, own = time.perf_counter(), time.process_time()
    attacked = asyncio.create_task(_attack(url, attacks, seconds))
    answers = await closed_loop(url, requests, clients, seconds)
    taken, own = time.perf_counter() - started, time.process_time() - own
    health.cancel()
    memory.cancel()
    good = [answer for answer in answers if answer.status == OK]
    return Load(
        answers=answers,
        lost=len(answers) - len(good),
        wrong=sum(answer.body != expected[answer.index] for answer in good),
        seconds=taken,
        health=await health,
        memory=await memory,
        own_share=own / taken / (psutil.cpu_count() or 1),
        hostile=await attacked,
    )


async def _attack(url: str, attacks: Sequence[bytes], seconds: float) -> list[Answer]:
    """Send each on a connection of its own, spread over the time."""
    started = time.perf_counter()

    async def send(index: int) -> Answer:
        await asyncio.sleep(seconds * index / len(attacks))
        sent = time.perf_counter()
        connection = await Connection.open(url)
        status, body = await connection.ask(attacks[index])
        connection.close()
        return Answer(index, sent - started, time.perf_counter() - sent, status, body)

    return await asyncio.gather(*(send(index) for index in range(len(attacks))))


async def _health(url: str) -> list[float]:
    """Ask for health until cancelled; return how long each answer took."""
    taken: list[float] = []
    connection = await Connection.open(url)
    try:
        while True:
            started = time.perf_counter()
            await connection.ask(get_request("/health/live"))
            taken.append(time.perf_counter() - started)
            await asyncio.sleep(HEALTH_EVERY_SECONDS)
    except asyncio.CancelledError:
        connection.close()
        return taken


async def _memory(server: psutil.Process) -> list[tuple[float, int]]:
    """Look at the resident memory until cancelled."""
    seen: list[tuple[float, int]] = []
    started = time.perf_counter()
    try:
        while True:
            seen.append((time.perf_counter() - started, server.memory_info().rss))
            await asyncio.sleep(MEMORY_EVERY_SECONDS)
    except asyncio.CancelledError:
        return seen


def read_images(paths: Sequence[Path], most: int) -> list[bytes]:
    """Read image files, and those right inside folders, in the order of their names."""
    files = itertools.chain.from_iterable(sorted(path.iterdir()) if path.is_dir() else [path] for path in paths)
    return [file.read_bytes() for file in itertools.islice(files, most)]


def main(  # noqa: PLR0913, PLR0917 - one option each
    model: Annotated[Path, typer.Argument(help="The ONNX file")],
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them")],
    clients: Annotated[int, typer.Option(help="Clients at once")] = 64,
    seconds: Annotated[float, typer.Option(help="How long")] = 60,
    most_images: Annotated[int, typer.Option(help="Images that are read at most")] = 200,
    hostile: Annotated[int, typer.Option(help="Hostile files that come in between")] = 0,
) -> None:
    """Put the service under load and print what was seen."""
    seen = load(model, read_images(images, most_images), clients, seconds, hostile)
    typer.echo("\n".join(seen.lines()))
    accepted = any(answer.status == OK for answer in seen.hostile)
    raise typer.Exit(code=1 if seen.lost or seen.wrong or accepted else 0)


if __name__ == "__main__":
    typer.run(main)
