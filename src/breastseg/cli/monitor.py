"""`breastseg monitor`: what has been kept of the service's answers, looked back at; imports come late here too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from breastseg.cli.extras import extra
from breastseg.errors import BreastsegError
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breastseg.inference.contract import Contract
    from breastseg.monitoring.prediction import Prediction
    from breastseg.prediction_logs.read import Period

monitor = typer.Typer(no_args_is_help=True, help="Look back at what the service has kept of its answers.")

Logs = Annotated[
    list[str],
    typer.Argument(metavar="LOG…", help="Folders or buckets of kept predictions, such as gs://bucket/folder."),
]

Since = Annotated[datetime | None, typer.Option(help="First moment, UTC.")]
Until = Annotated[datetime | None, typer.Option(help="First moment after, UTC.")]
OfModel = Annotated[Path | None, typer.Option(help="Only answers of this exported ONNX file.")]

# neither that of an error nor that of a wrong option
_DRIFT, _NOTHING, _TOO_FEW = 3, 4, 5


@monitor.command("compact")
def compact_log(
    log: Annotated[Path, typer.Argument(help="Folder of the service's prediction log.")],
    to: Annotated[str, typer.Argument(help="Folder or bucket, such as gs://bucket/predictions.")],
) -> None:
    """Pack what no service writes to any more into Parquet files elsewhere, and remove it here."""
    with extra("monitor"):
        from breastseg.prediction_logs.compact import compact
        from breastseg.storage import Store
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
    model: OfModel = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Hold answers against masks that people have drawn later, and expected against real Dice. Research use only."""
    with extra("monitor"):
        from breastseg.prediction_logs.tables import read_queue, write_labelled
        from breastseg.prediction_logs.truth import format_truth, label
    wishes = read_queue(queue) if queue else ()
    rows = label(_kept(log, _period(since, until), model), masks, wishes)
    write_labelled(rows, out)
    typer.echo(f"{format_truth(rows)}\n{out} has a line an answer")


@monitor.command("report")
def report_log(
    log: Logs,
    model: Annotated[Path, typer.Option(help="The exported ONNX file whose answers are looked at.")],
    out: Annotated[Path, typer.Option(help="The HTML file.")] = Path("monitoring.html"),
    since: Since = None,
    until: Until = None,
    against_since: Annotated[datetime | None, typer.Option(help="Compare with answers from then on instead.")] = None,
    against_until: Annotated[datetime | None, typer.Option(help="The first moment after those.")] = None,
    labelled: Annotated[Path | None, typer.Option(help="What `breastseg monitor label` left.")] = None,
    evidently: Annotated[Path | None, typer.Option(help="Write Evidently's comparison of both periods there.")] = None,
    min_images: Annotated[
        int, typer.Option(min=1, envvar="BREASTSEG_DRIFT_MIN_IMAGES", help="Answers below which nothing is judged.")
    ] = 50,
    level: Annotated[
        float, typer.Option(min=0, max=1, envvar="BREASTSEG_DRIFT_LEVEL", help="Largest share of false alarms.")
    ] = 0.05,
    design_effect: Annotated[
        float | None,
        typer.Option(
            min=1, envvar="BREASTSEG_DRIFT_DESIGN_EFFECT", help="So many answers tell as much as one: images a patient."
        ),
    ] = None,
    *,
    gate: Annotated[
        bool, typer.Option("--gate", help="Once the report is written, exit with 3 on drift, 5 on too few answers.")
    ] = False,
) -> None:
    """Write what the service has seen, against its model's reference or an earlier period, as one HTML file."""
    with extra("monitor"):
        from breastseg.monitoring.windows import Rules
        from breastseg.prediction_logs.read import NoPredictionsError
        from breastseg.prediction_logs.tables import read_labelled
        from breastseg.reporting.monitor_report import Wanted, write_monitor_report
    from breastseg.inference.segmenter import Segmenter

    against = _period(against_since, against_until) if against_since or against_until else None
    wanted = Wanted(_period(since, until), against, Rules(min_images, level, design_effect=design_effect))
    compare = _evidently(wanted.period, against, evidently) if evidently else None
    rows = read_labelled(labelled) if labelled else []
    contract = Segmenter.load(model, threads=1).contract
    try:
        kept = _kept(log, wanted.both)
        found = write_monitor_report(kept, contract, wanted, rows, out)
        told = compare(kept, contract) if compare else ""
    except NoPredictionsError as error:
        typer.echo(error, err=True)
        raise typer.Exit(_NOTHING) from error
    typer.echo(f"{found}. {out}: open it in a browser{told}")
    if gate and not found.drift.enough:
        raise typer.Exit(_TOO_FEW)
    if gate and found.drift.drifted:
        raise typer.Exit(_DRIFT)


@monitor.command("queue")
def queue_images(
    log: Logs,
    out: Annotated[Path, typer.Option(help="File for a line an image.")] = Path("queue.csv"),
    since: Since = None,
    until: Until = None,
    count: Annotated[int, typer.Option(min=1, help="Most images.")] = 50,
    chance: Annotated[float, typer.Option(min=0, max=1, help="Share of them that is drawn by chance.")] = 0.5,
    model: OfModel = None,
    labelled: Annotated[
        Path | None, typer.Option(help="What `breastseg monitor label` left: those images are not named again.")
    ] = None,
) -> None:
    """Choose whose images people should outline next: those that the model doubts, and some by chance."""
    with extra("monitor"):
        from breastseg.prediction_logs.queue import choose
        from breastseg.prediction_logs.tables import read_labelled, write_queue
    outlined = {(row.request_id, row.index) for row in read_labelled(labelled)} if labelled else set()
    wishes = choose(_kept(log, _period(since, until), model), count, chance, outlined)
    write_queue(wishes, out)
    typer.echo(f"{out} names {counted(len(wishes), 'image')} to outline")


def _kept(places: list[str], period: Period, model: Path | None = None) -> list[Prediction]:
    """Read predictions, of one model where it is named."""
    from breastseg.prediction_logs.read import of_model, read_predictions
    from breastseg.storage import Store

    kept = read_predictions([Store.open(place) for place in places], period)
    if model is None:
        return kept
    from breastseg.inference.segmenter import Segmenter

    contract = Segmenter.load(model, threads=1).contract
    own = of_model(kept, contract)
    if not own:
        raise BreastsegError(f"No answer is of model {contract.model_version}. Name another file, or another time")
    return own


def _evidently(period: Period, against: Period | None, out: Path) -> Callable[[Sequence[Prediction], Contract], str]:
    """Return what writes Evidently's report and tells of it; what cannot be written is refused before any work."""
    with extra("evidently"):
        from breastseg.reporting.evidently_report import write_evidently_report
    if against is None:
        mend = "Name the other one with --against-since or --against-until"
        raise BreastsegError(f"Evidently compares two periods, and a model's reference holds no single images. {mend}")

    def write(kept: Sequence[Prediction], contract: Contract) -> str:
        left_out = write_evidently_report(kept, contract, period, against, out)
        without = f"; it leaves out what has no value in one of the periods: {', '.join(left_out)}" if left_out else ""
        return f"\n{out}: the same by Evidently{without}"

    return write


def _period(since: datetime | None, until: datetime | None) -> Period:
    from breastseg.prediction_logs.read import Period

    return Period(*(moment and _in_utc(moment) for moment in (since, until)))


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
