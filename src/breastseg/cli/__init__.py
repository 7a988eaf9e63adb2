"""The `breastseg` command; imports come late, so that `--help` is quick and `predict` does without the extras."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from breastseg.errors import BreastsegError
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from breastseg.inference.predict import Answerer
    from breastseg.prediction_logs.read import Period

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

monitor = typer.Typer(no_args_is_help=True, help="Look back at what the service has kept of its answers.")
app.add_typer(monitor, name="monitor")

Logs = Annotated[
    list[str],
    typer.Argument(metavar="LOG…", help="Folders or buckets of kept predictions, such as gs://bucket/folder."),
]

# neither that of an error nor that of a wrong option
_DRIFT, _NOTHING = 3, 4

_NEXT = """
What next:
  dvc exp run -S model=cnn_unet                              export the other network; retrains nothing
  dvc exp run -S data.root=data/raw/busi                     your own images: see the README
  dvc exp show --only-changed --keep '.*unet.(dice|iou|hd95)'  compare experiments
  dvc plots show                                             curves, scores by image, overlays
  breastseg serve --model models/release/model.onnx          answer over HTTP
"""


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Turn a missing package of an optional extra into an error that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        mend = f"Install the extra: pip install 'breastseg[{name}]'"
        raise BreastsegError(f"The package {error.name} is not installed. {mend}") from error


@contextmanager
def _answerer(model: Path | None, url: str | None, frame: int | None) -> Iterator[Callable[[], Answerer]]:
    """Hand out what makes whoever finds the lesions: the model, or the service at `url`."""
    if (model is None) == (url is None):
        raise BreastsegError("Name either --model, an exported ONNX file, or --url, a running service")
    if model is not None:
        from breastseg.inference.predict import local_answerer

        yield partial(local_answerer, model, frame)
    elif url is not None:
        with _extra("client"):
            from breastseg.client import Client, remote_answerer
        with Client(url, os.environ.get("BREASTSEG_API_KEY")) as client:
            yield lambda: remote_answerer(client, frame)


@app.command()
def predict(
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.")],
    out: Annotated[Path, typer.Option(help="Folder for <stem>.png masks and predictions.jsonl.")],
    model: Annotated[Path | None, typer.Option(help="The exported ONNX file.")] = None,
    url: Annotated[str | None, typer.Option(help="A running service instead; its key is BREASTSEG_API_KEY.")] = None,
    frame: Annotated[int | None, typer.Option(min=1, help="Frame of DICOM files that have several, from 1.")] = None,
) -> None:
    """Segment images, without a server or with one. Research use only."""
    from breastseg.inference.contract import INTENDED_USE
    from breastseg.inference.predict import predict as predict_images

    with _answerer(model, url, frame) as make_answerer:
        count = predict_images(images, make_answerer, out)
    typer.echo(f"{counted(count, 'image')}: masks and predictions.jsonl are in {out}. {INTENDED_USE}")


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
    with _extra("evaluate"):
        from breastseg.evaluation.evaluate_model import PICTURES, Bootstrap, evaluate_model
        from breastseg.evaluation.labelled_folder import LabelledFolder
    folder = LabelledFolder(root, layout, on_error)
    typer.echo(evaluate_model(model, folder, out, Bootstrap(resamples, seed)))
    typer.echo(f"metrics.json has the headline; {', '.join(PICTURES)}, tables and what was dropped are in {out}")


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
    with _extra("serve"):
        from breastseg.serving import server, settings
        from breastseg.serving import show_config as config
    if show_config:
        typer.echo(config.show_config(model=model, host=host, port=port))
        return
    server.run(settings.load_settings(model=model, host=host, port=port))


@app.command()
def summary() -> None:
    """Print the comparison of the last pipeline run and what to do next. Research use only."""
    with _extra("evaluate"):
        from breastseg.evaluation.summary import comparison_table
    typer.echo(comparison_table(Path("metrics/statistics.json"), Path("metrics/compute.json")))
    typer.echo(_NEXT)


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="The HTML file.")] = Path("report.html"),
) -> None:
    """Write the last run's comparison as one self-contained HTML file. Research use only."""
    with _extra("evaluate"):
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
    with _extra("train"):
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
    with _extra("train"):
        from breastseg.reporting.leakage import leakage_table
    typer.echo(leakage_table(grouped, plain, Path()))


@results.command("save")
def save_results(
    name: Annotated[str, typer.Argument(help="Folder below docs/results.")],
    title: Annotated[str, typer.Option(help="Heading of the run.")],
    data: Annotated[str, typer.Option(help="The images, and how many.")],
    note: Annotated[str, typer.Option(help="What the run shows, and anything unusual about it.")],
) -> None:
    """Copy the run in the workspace to docs/results, and write the page anew."""
    with _extra("train"):
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
    with _extra("train"):
        from breastseg.reporting.elsewhere import save_check as save
    typer.echo(f"Saved in {save(name, checked, Path())}")
    write_results_page()


@results.command("page")
def write_results_page() -> None:
    """Write docs/results.md from the folders in docs/results."""
    with _extra("train"):
        from breastseg.reporting.results_page import render_page
    Path("docs/results.md").write_text(render_page(Path("docs/results")), encoding="utf-8")


@monitor.command("compact")
def compact_log(
    log: Annotated[Path, typer.Argument(help="Folder of the service's prediction log.")],
    to: Annotated[str, typer.Argument(help="Folder or bucket, such as gs://bucket/predictions.")],
) -> None:
    """Pack what no service writes to any more into Parquet files elsewhere, and remove it here."""
    with _extra("monitor"):
        from breastseg.prediction_logs.compact import compact
        from breastseg.prediction_logs.store import Store
    done = compact(log, Store.open(to))
    typer.echo(f"{counted(done.lines, 'answer')} in {counted(done.parts, 'part')} packed to {to}")
    if done.busy:
        typer.echo(f"{counted(done.busy, 'part')} left: a service still writes there, or another run packs them")
    if done.cut:
        typer.echo(f"In {counted(done.cut, 'part')} the last line was cut, by a kill or a loss of power, and left out")


@monitor.command("label")
def label_log(
    log: Logs,
    masks: Annotated[Path, typer.Option(help="Folder of later masks: <request id>.png.")],
    queue: Annotated[Path | None, typer.Option(help="What `breastseg monitor queue` left.")] = None,
    out: Annotated[Path, typer.Option(help="File for a line an answer, with its Dice.")] = Path("labelled.csv"),
) -> None:
    """Hold answers against masks that people have drawn later, and expected against real Dice. Research use only."""
    with _extra("monitor"):
        from breastseg.prediction_logs.labelled_file import write_labelled
        from breastseg.prediction_logs.queue import read_queue
        from breastseg.prediction_logs.read import read_predictions
        from breastseg.prediction_logs.store import Store
        from breastseg.prediction_logs.truth import format_truth, label
    rows = label(read_predictions([Store.open(place) for place in log]), masks, read_queue(queue) if queue else ())
    write_labelled(rows, out)
    typer.echo(f"{format_truth(rows)}\n{out} has a line an answer")


@monitor.command("report")
def report_log(
    log: Logs,
    model: Annotated[Path, typer.Option(help="The exported ONNX file whose answers are looked at.")],
    out: Annotated[Path, typer.Option(help="The HTML file.")] = Path("monitoring.html"),
    since: Annotated[datetime | None, typer.Option(help="First moment, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="First moment after, UTC.")] = None,
    against_since: Annotated[datetime | None, typer.Option(help="Compare with answers from then on instead.")] = None,
    against_until: Annotated[datetime | None, typer.Option(help="The first moment after those.")] = None,
    labelled: Annotated[Path | None, typer.Option(help="What `breastseg monitor label` left.")] = None,
    min_images: Annotated[int, typer.Option(min=1, help="Answers below which nothing is judged.")] = 50,
    level: Annotated[float, typer.Option(min=0, max=1, help="Largest share of false alarms.")] = 0.05,
    *,
    gate: Annotated[bool, typer.Option("--gate", help="Exit with 3 on drift, once the report is written.")] = False,
) -> None:
    """Write what the service has seen, against its model's reference or an earlier period, as one HTML file."""
    with _extra("monitor"):
        from breastseg.monitoring.windows import Rules
        from breastseg.prediction_logs.labelled_file import read_labelled
        from breastseg.prediction_logs.read import NoPredictionsError, Period, read_predictions
        from breastseg.prediction_logs.store import Store
        from breastseg.reporting.monitor_report import Wanted, write_monitor_report
    from breastseg.inference.segmenter import Segmenter

    against = _period(against_since, against_until) if against_since or against_until else None
    wanted = Wanted(_period(since, until), against, Rules(min_images, level))
    rows = read_labelled(labelled) if labelled else []
    contract = Segmenter.load(model, threads=1).contract
    # both periods, and what lies between them
    ends = [wanted.period, *([against] if against else [])]
    since_all = None if None in (firsts := [end.since for end in ends]) else min(filter(None, firsts))
    try:
        kept = read_predictions([Store.open(place) for place in log], Period(since_all))
        found = write_monitor_report(kept, contract, wanted, rows, out)
    except NoPredictionsError as error:
        typer.echo(error, err=True)
        raise typer.Exit(_NOTHING) from error
    typer.echo(f"{found}. {out}: open it in a browser")
    if gate and found.drift.drifted:
        raise typer.Exit(_DRIFT)


@monitor.command("queue")
def queue_images(
    log: Logs,
    out: Annotated[Path, typer.Option(help="File for a line an image.")] = Path("queue.csv"),
    since: Annotated[datetime | None, typer.Option(help="First moment, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="First moment after, UTC.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Most images.")] = 50,
    chance: Annotated[float, typer.Option(min=0, max=1, help="Share of them that is drawn by chance.")] = 0.5,
) -> None:
    """Choose whose images people should outline next: those that the model doubts, and some by chance."""
    with _extra("monitor"):
        from breastseg.data.csv_file import write_csv
        from breastseg.prediction_logs.queue import Wish, choose
        from breastseg.prediction_logs.read import read_predictions
        from breastseg.prediction_logs.store import Store
    kept = read_predictions([Store.open(place) for place in log], _period(since, until))
    wishes = choose(kept, count, chance)
    write_csv(Wish, wishes, out)
    typer.echo(f"{out} names {counted(len(wishes), 'image')} to outline")


def _period(since: datetime | None, until: datetime | None) -> Period:
    from breastseg.prediction_logs.read import Period

    return Period(*(moment and _in_utc(moment) for moment in (since, until)))


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    app()
