"""The `breastseg` command; imports come late, so that `--help` is quick and `predict` does without the extras."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from breastseg.cli.data import data
from breastseg.cli.experiments import experiments
from breastseg.cli.extras import extra
from breastseg.cli.job import job
from breastseg.cli.monitor import monitor
from breastseg.cli.project import require_root
from breastseg.errors import BreastsegError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breastseg.inference.predict import MakeAnswerer

ExportedModel = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="The exported ONNX file.")]


class _Commands(TyperGroup):
    """Prints errors that a user can mend as they are, without a trace, and exits with 1."""

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 - typer keeps the type of its context private
        try:
            return super().invoke(ctx)
        except BreastsegError as error:
            typer.echo(error, err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Marks suspected lesions in breast images. Research use only: not a medical device, not for diagnosis.",
)

results = typer.Typer(no_args_is_help=True, help="Keep reported runs and write docs/results.md.")
app.add_typer(results, name="results")

app.add_typer(data, name="data")
app.add_typer(experiments, name="experiments")
app.add_typer(job, name="job")
app.add_typer(monitor, name="monitor")

_NEXT = """
What next:
  dvc exp run -S model=cnn_unet                              export the other network; retrains nothing
  dvc exp run -S data.root=data/raw/busi                     your own images: see the README
  dvc exp show --only-changed --keep '.*unet.(dice|iou|hd95)'  compare experiments
  dvc plots show                                             curves, scores by image, overlays
  breastseg serve --model models/release/model.onnx          answer over HTTP
"""


@contextmanager
def _answerer(
    model: Path | None, url: str | None, engine: str, *, frame: int | None, overlay: bool
) -> Iterator[MakeAnswerer]:
    """Hand out what makes whoever finds the lesions: the model, or the service at `url`."""
    if (model is None) == (url is None):
        raise BreastsegError("Name either --model, an exported ONNX file, or --url, a running service")
    if model is not None:
        from breastseg.inference.predict import carried_answerer, local_answerer

        if engine == "local":
            yield partial(local_answerer, model, frame, overlay=overlay)
        else:
            yield carried_answerer(model, frame, overlay=overlay)
    elif url is not None:
        if engine != "local":
            raise BreastsegError("A service computes on its own machine. Name --url without --engine")
        with extra("client"):
            from breastseg.client import Client, remote_answerer
        with Client(url, os.environ.get("BREASTSEG_API_KEY")) as client:
            yield partial(remote_answerer, client, frame, overlay=overlay)


@app.command()
def predict(
    images: Annotated[
        list[str], typer.Argument(help="Files, folders with all below, or quoted patterns; in a bucket too: gs://…")
    ],
    out: Annotated[
        str,
        typer.Option(help="Folder for masks, lesions.csv, predictions.jsonl, manifest.json; in a bucket too: gs://…"),
    ],
    model: Annotated[Path | None, typer.Option(help="The exported ONNX file.")] = None,
    url: Annotated[str | None, typer.Option(help="A running service instead; its key is BREASTSEG_API_KEY.")] = None,
    frame: Annotated[int | None, typer.Option(min=1, help="Frame of DICOM files that have several, from 1.")] = None,
    engine: Annotated[
        str, typer.Option(help="local: this machine; ray: the cluster at RAY_ADDRESS.", envvar="BREASTSEG_ENGINE")
    ] = "local",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes here; all usable CPUs by default.")] = None,
    *,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Write X_overlay.png beside each mask X.png: the image with the outlines.")
    ] = False,
) -> None:
    """Segment images, without a server or with one; the same call takes up a run that ended. Research use only."""
    if engine == "ray" and workers is not None:
        raise BreastsegError("A Ray cluster knows its own processes. Name --workers without --engine ray")
    with extra("bucket"):
        from breastseg.bulk.predict import Engine
        from breastseg.bulk.predict import predict as predict_images

        with _answerer(model, url, engine, frame=frame, overlay=overlay) as make_answerer:
            # a connection is no other process's
            where = Engine(engine, 1 if url else workers)
            predict_images(images, make_answerer, out, where, typer.echo)


@app.command()
def evaluate(
    model: ExportedModel,
    root: Annotated[Path, typer.Option(help="The data set's folder, or its parent.")],
    layout: Annotated[str, typer.Option(help="How it is laid out: busi, bus_bra, bus_uclm, bcss or table.")],
    out: Annotated[
        Path, typer.Option(help="Folder for metrics, tables, overlays.png, reliability.svg, risk_coverage.svg.")
    ],
    on_error: Annotated[str, typer.Option(help="Faulty cases: fail, or drop them and list them.")] = "fail",
    resamples: Annotated[int, typer.Option(min=100, help="Draws of the bootstrap over groups.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Judge an exported model on a labelled folder. Research use only."""
    with extra("evaluate"):
        from breastseg.evaluation.evaluate_model import PICTURES, Bootstrap, evaluate_model
        from breastseg.evaluation.labelled_folder import LabelledFolder
    folder = LabelledFolder(root, layout, on_error)
    typer.echo(evaluate_model(model, folder, out, Bootstrap(resamples, seed)))
    left = f"{', '.join(PICTURES)}, tables and what was dropped"
    typer.echo(f"metrics.json has the headline; {left} are in {printable(str(out))}")


@app.command()
def benchmark(
    model: ExportedModel,
    images: Annotated[int, typer.Option(min=1, help="Simulated images to time.")] = 100,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads an image; all usable CPUs by default.")] = None,
    json: Annotated[Path | None, typer.Option(help="File for the record.")] = None,
) -> None:
    """Measure milliseconds an image on this machine. Research use only."""
    from breastseg.inference.benchmark import benchmark as measure
    from breastseg.inference.benchmark import format_benchmark, write_benchmark

    found = measure(model, images, threads)
    typer.echo(format_benchmark(found))
    if json:
        write_benchmark(found, json)


@app.command()
def serve(
    model: Annotated[Path | None, typer.Option(help="The exported ONNX file [BREASTSEG_MODEL].")] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; loopback by default [BREASTSEG_HOST].")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8000 by default [BREASTSEG_PORT].")] = None,
    *,
    show_config: Annotated[
        bool, typer.Option("--show-config", help="Print every setting and where it comes from, then end.")
    ] = False,
) -> None:
    """Serve an exported model over HTTP. Research use only."""
    from breastseg.serving.signals import take_signals

    # the imports below take a second or more
    take_signals()
    with extra("serve"):
        from breastseg.serving import server, settings
        from breastseg.serving import show_config as config
    if show_config:
        typer.echo(config.show_config(model=model, host=host, port=port))
        return
    server.run(settings.load_settings(model=model, host=host, port=port))


@app.command()
def summary() -> None:
    """Print the comparison of the last pipeline run and what to do next. Research use only."""
    require_root()
    with extra("evaluate"):
        from breastseg.evaluation.summary import comparison_table, release_note
    typer.echo(comparison_table(Path("metrics/statistics.json"), Path("metrics/compute.json")))
    typer.echo(release_note(Path("metrics/release.json")))
    typer.echo(_NEXT)


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="The HTML file.")] = Path("report.html"),
) -> None:
    """Write the last run's comparison as one self-contained HTML file. Research use only."""
    require_root()
    with extra("evaluate"):
        from breastseg.reporting.html_report import write_report
    write_report(Path(), out)
    typer.echo(f"{out}: open it in a browser. It shows test images: mind where it goes.")


@app.command()
def gather(
    out: Annotated[Path, typer.Argument(help="New folder for the comparison.")],
    experiments: Annotated[list[str] | None, typer.Argument(help="One of each fold and seed; none: all.")] = None,
    title: Annotated[str, typer.Option(help="Heading on the results page.")] = "Out-of-fold comparison",
    data: Annotated[str, typer.Option(help="The images, and how many.")] = "",
    note: Annotated[str, typer.Option(help="What it shows, and anything unusual about it.")] = "",
) -> None:
    """Join experiments of all folds, or of several seeds, into one comparison. Research use only."""
    require_root()
    with extra("train"):
        from breastseg.evaluation.seeds import format_spreads
        from breastseg.evaluation.summary import comparison_table
        from breastseg.reporting.gather import gather as join
        from breastseg.reporting.results import About
    gathered = join(experiments or [], out, About(title, data, note), Path())
    for experiment in gathered.experiments:
        typer.echo(f"fold {experiment.fold}, seed {experiment.seed}: {experiment.name}")
    typer.echo(comparison_table(out / "statistics.json", out / "compute.json"))
    typer.echo(format_spreads(gathered.spreads))


@app.command()
def leakage(
    grouped: Annotated[str, typer.Argument(help="An experiment with split.grouped=true.")],
    plain: Annotated[str, typer.Argument(help="The same with split.grouped=false.")],
) -> None:
    """Show what parting near-duplicates and patients adds to the scores. Research use only."""
    require_root()
    with extra("train"):
        from breastseg.reporting.leakage import leakage_table
    typer.echo(leakage_table(grouped, plain, Path()))


@app.command()
def release(
    model: Annotated[Path, typer.Option(help="The exported ONNX file.")] = Path("models/release/model.onnx"),
    card: Annotated[Path, typer.Option(help="Its model card.")] = Path("docs/model_card.md"),
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Remove the model that was released before.")] = False,
) -> None:
    """Copy an exported model of a saved run into the package, as the model that it ships. Research use only."""
    require_root()
    with extra("train"):
        from breastseg.inference.contract import INTENDED_USE
        from breastseg.reporting.release import Candidate
        from breastseg.reporting.release import release as release_model
    candidate = Candidate(model, card, results=Path("docs/results"), folder=Path("src/breastseg/pretrained"))
    released = release_model(candidate, replace=replace)
    runs = ", ".join(f"docs/results/{run}" for run in released.runs)
    typer.echo(f"Released {released.model} of {runs}, with its model card. {INTENDED_USE}")
    for path in released.removed:
        typer.echo(f"Removed {path}, which was released before")


@results.command("save")
def save_results(
    name: Annotated[str, typer.Argument(help="Folder below docs/results.")],
    title: Annotated[str, typer.Option(help="Heading of the run.")],
    data: Annotated[str, typer.Option(help="The images, and how many.")],
    note: Annotated[str, typer.Option(help="What the run shows, and anything unusual about it.")],
) -> None:
    """Copy the run in the workspace to docs/results, and write the page anew."""
    require_root()
    with extra("train"):
        from breastseg.reporting.results import About, save_run
    folder = save_run(name, About(title, data, note), Path())
    typer.echo(f"Saved in {folder}")
    write_results_page()


@results.command("check")
def save_check(
    name: Annotated[str, typer.Argument(help="Folder of the run below docs/results.")],
    checked: Annotated[Path, typer.Argument(help="What breastseg evaluate left for the run's exported model.")],
) -> None:
    """Keep how a saved run's model did on other images, and write the page anew."""
    require_root()
    with extra("train"):
        from breastseg.reporting.elsewhere import save_check as save
    typer.echo(f"Saved in {save(name, checked, Path())}")
    write_results_page()


@results.command("page")
def write_results_page() -> None:
    """Write docs/results.md from the folders in docs/results."""
    require_root()
    with extra("train"):
        from breastseg.reporting.results_page import render_page
    Path("docs/results.md").write_text(render_page(Path("docs/results")), encoding="utf-8")
