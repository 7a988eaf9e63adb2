"""Compares the service with the bare loop and with other servers of the same model on the same images, in one run.

Usage: python -m benchmarks.serving.compare MODEL.onnx CHECKPOINT IMAGES… --peers-python PYTHON

CHECKPOINT is the folder of the network that MODEL.onnx was exported from. LitServe and BentoML need other versions of
some packages than this project, so they run in an environment of their own: see `benchmarks/serving/peers.txt`.

Every server is started alone, several times. While it is asked, the bare loop is measured between its turns, and each
ratio is of two neighbours in time: a virtual machine has slow minutes, in which threads that share an image are twice
as slow, and they would fall on whichever server is asked then. Medians are printed as a table of Markdown.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
import psutil
import typer

from benchmarks.serving import bare, work
from benchmarks.serving.client import OK, closed_loop, upload_request
from benchmarks.serving.load import read_images
from benchmarks.serving.process import free_port, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
WARM_UP_SECONDS = 2.0
TURNS = 5
BARE_WORKERS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Contender:
    """A server with its settings.

    Attributes:
        name: For the table.
        command: From its port to the program with its arguments.
        route: Where images are posted to.
        ready: Path that answers 200 once it is ready.
        settings: For the table.
        variables: For its environment.
    """

    name: str
    command: Callable[[int], list[str]]
    route: str
    ready: str
    settings: str
    variables: dict[str, str]


@dataclass
class Measured:
    """What was measured of a server, a number a turn.

    Attributes:
        one_ms: Median time of a request, one client.
        to_one: The same as a share of the bare loop's time, measured right before.
        many: Requests a second, many clients.
        to_many: The same as a share of what bare loops side by side do, measured right before.
        megabytes: Resident memory of the server with its workers, after that; a number a start.
    """

    one_ms: list[float] = field(default_factory=list)
    to_one: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)
    to_many: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


@dataclass
class Limit:
    """The same work without a server, measured as often as the servers.

    Attributes:
        model: The ONNX file.
        images: What is worked on.
        cpus: Threads of a loop that is alone.
        loops: Loops side by side and threads of each that give most.
        one_ms: Median times of an image in one loop.
        many: Images a second of `loops`.
    """

    model: Path
    images: Sequence[bytes]
    cpus: int
    loops: tuple[int, int]
    one_ms: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)

    @classmethod
    def find(cls, model: Path, images: Sequence[bytes], cpus: int, seconds: float) -> Self:
        """Look for the loops that give most."""
        kinds = [(workers, threads) for workers in BARE_WORKERS for threads in sorted({1, cpus})]
        rates = {kind: median(bare.a_second(model, images, *kind, seconds) for _ in range(3)) for kind in kinds}
        return cls(model, images, cpus, max(rates, key=rates.__getitem__))

    def one(self, seconds: float) -> float:
        """Measure the time of an image."""
        self.one_ms.append(bare.median_ms(self.model, self.images, self.cpus, seconds))
        return self.one_ms[-1]

    def side_by_side(self, seconds: float) -> float:
        """Measure images a second."""
        self.many.append(bare.a_second(self.model, self.images, *self.loops, seconds))
        return self.many[-1]


def contenders(model: Path, checkpoint: Path, peers_python: str, cpus: int) -> list[Contender]:
    """Return all servers, the ones of other projects with one worker of all threads and with a worker a thread."""
    own = sys.executable

    def variables(threads: int, workers: int = 1) -> dict[str, str]:
        return {
            work.MODEL: str(model),
            work.THREADS: str(threads),
            work.CHECKPOINT: str(checkpoint),
            "BENCHMARK_WORKERS": str(workers),
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'src'}",
        }

    def uvicorn(module: str) -> Callable[[int], list[str]]:
        app = f"benchmarks.serving.peers.{module}:app"
        return lambda port: [own, "-m", "uvicorn", app, "--port", str(port), "--log-level", "warning"]

    def litserve(workers: int) -> Callable[[int], list[str]]:
        return lambda port: [peers_python, "-m", "benchmarks.serving.peers.litserve_server", str(port), str(workers)]

    def bentoml(port: int) -> list[str]:
        service = "benchmarks.serving.peers.bentoml_service:Segment"
        return [peers_python, "-m", "bentoml", "serve", service, "--port", str(port), "--host", "127.0.0.1"]

    def breastseg(port: int) -> list[str]:
        return [own, "-m", "breastseg.cli", "serve", "--model", str(model), "--port", str(port)]

    found = [
        Contender("breastseg", breastseg, "/v1/segment", "/health/ready", "defaults", variables(cpus)),
        Contender(
            "plain FastAPI, ONNX Runtime",
            uvicorn("plain_fastapi"),
            "/segment",
            "/ready",
            f"{cpus} threads",
            variables(cpus),
        ),
        Contender(
            "plain FastAPI, eager torch",
            uvicorn("eager_torch"),
            "/segment",
            "/ready",
            f"{cpus} threads",
            variables(cpus),
        ),
    ]
    for workers, threads in ((1, cpus), (cpus, 1)):
        settings = f"workers {workers}, threads {threads}"
        known = variables(threads, workers)
        found.append(Contender("LitServe", litserve(workers), "/segment", "/health", settings, known))
        found.append(Contender("BentoML", bentoml, "/segment", "/readyz", settings, known))
    return found


def _megabytes(seen: Measured) -> str:
    return f"{median(seen.megabytes):.0f} MB" if seen.megabytes else ""


async def _ask(url: str, requests: Sequence[bytes], clients: int, seconds: float) -> tuple[float, float]:
    """Return the median milliseconds of a request, and requests a second."""
    answers = await closed_loop(url, requests, clients, seconds)
    if bad := [answer for answer in answers if answer.status != OK]:
        raise RuntimeError(f"{url}: {len(bad)} of {len(answers)} requests failed, the first with {bad[0]}")
    taken = max(answer.started + answer.seconds for answer in answers) - answers[0].started
    return 1e3 * float(np.median([answer.seconds for answer in answers])), len(answers) / taken


def measure(contender: Contender, limit: Limit, clients: int, seconds: float, into: Measured) -> None:
    """Start a server, ask it with one client and with many in turns with the bare loops, and add what was seen."""
    requests = [upload_request(contender.route, image) for image in limit.images]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(contender.command(port), url, contender.ready, **contender.variables) as process:
        for asked in (1, clients):
            asyncio.run(closed_loop(url, requests, asked, WARM_UP_SECONDS))
        for _ in range(TURNS):
            without = limit.one(seconds)
            into.one_ms.append(asyncio.run(_ask(url, requests, 1, seconds))[0])
            into.to_one.append(into.one_ms[-1] / without)
            without = limit.side_by_side(seconds)
            into.many.append(asyncio.run(_ask(url, requests, clients, seconds))[1])
            into.to_many.append(into.many[-1] / without)
        server = psutil.Process(process.pid)
        family = [server, *server.children(recursive=True)]
        into.megabytes.append(sum(member.memory_info().rss for member in family) / 1e6)


def measure_judging(limit: Limit, seconds: float, into: Measured) -> None:
    """Measure the bare loop that judges each image, as the service does, in turns with the one that does not."""
    for _ in range(TURNS):
        without = limit.one(seconds)
        into.one_ms.append(bare.median_ms(limit.model, limit.images, limit.cpus, seconds, judging=True))
        into.to_one.append(into.one_ms[-1] / without)
        without = limit.side_by_side(seconds)
        into.many.append(bare.a_second(limit.model, limit.images, *limit.loops, seconds, judging=True))
        into.to_many.append(into.many[-1] / without)


def bare_settings(limit: Limit) -> str:
    """Say how many loops there are with how many threads."""
    return f"{limit.cpus} threads; {limit.loops[0]} loops of {limit.loops[1]}"


def table(rows: dict[str, tuple[str, Measured]], limit: Limit, clients: int) -> list[str]:
    """Return the lines of a table of Markdown: medians, of ratios too."""
    one, many = median(limit.one_ms), median(limit.many)
    lines = [
        f"| server | settings | p50, 1 client | to the bare loop | {clients} clients | to the bare loops | memory |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        f"| none | {bare_settings(limit)} | {one:.1f} ms | 1.00 | {many:.1f} images/s | 1.00 | |",
    ]
    for name, (settings, seen) in rows.items():
        lines.append(
            f"| {name.partition('#')[0]} | {settings} | {median(seen.one_ms):.1f} ms | {median(seen.to_one):.2f} "
            f"| {median(seen.many):.1f} images/s | {median(seen.to_many):.2f} | {_megabytes(seen)} |"
        )
    return lines


def main(  # noqa: PLR0913, PLR0917 - options of one command
    model: Annotated[Path, typer.Argument(help="The ONNX file")],
    checkpoint: Annotated[Path, typer.Argument(help="Folder of the network that it was exported from")],
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them")],
    peers_python: Annotated[str, typer.Option(help="Python of the environment with LitServe and BentoML")],
    clients: Annotated[int, typer.Option(help="Clients at once")] = 16,
    seconds: Annotated[float, typer.Option(help="Of each turn")] = 1,
    rounds: Annotated[int, typer.Option(help="How often each server is started")] = 3,
    most_images: Annotated[int, typer.Option(help="Images that are read at most")] = 50,
) -> None:
    """Print the comparison as a table."""
    data, cpus = read_images(images, most_images), len(os.sched_getaffinity(0))
    limit = Limit.find(model, data, cpus, seconds)
    rows: dict[str, tuple[str, Measured]] = {}
    for _ in range(rounds):
        _, seen = rows.setdefault("none, each image judged", (bare_settings(limit), Measured()))
        measure_judging(limit, seconds, seen)
        for contender in contenders(model.resolve(), checkpoint.resolve(), peers_python, cpus):
            _, seen = rows.setdefault(f"{contender.name}#{contender.settings}", (contender.settings, Measured()))
            measure(contender, limit, clients, seconds, seen)
    typer.echo("\n".join(table(rows, limit, clients)))


if __name__ == "__main__":
    typer.run(main)
